// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// An initiation that throws although it has stored its handler.

#include <weir/co_spawn.hpp>
#include <weir/task.hpp>

#include "support/pool_fixture.hpp"
#include "support/until.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test::of_task_asio_kept {

namespace {

enum class listening { no, yes };

// An operation that stores its handlers; its first initiations throw.
class keeper final {
public:
  explicit keeper(int throws, listening does = listening::yes)
      : throws_(throws), listens_(does == listening::yes) {}

  auto wait() {
    return asio::async_initiate<const asio::deferred_t&, void(int)>(
        [this](auto handler) {
          if (listens_)
            asio::get_associated_cancellation_slot(handler).assign(
                [this](asio::cancellation_type) { ++emissions; });
          auto kept = std::make_shared<decltype(handler)>(std::move(handler));
          calls_.push_back([kept](int n) { std::move (*kept)(n); });
          const int so_many = ++initiated;
          if (so_many <= throws_)
            throw std::runtime_error("not started");
        },
        asio::deferred);
  }
  // Its handler.
  void call(std::size_t which, int n) {
    std::exchange(calls_.at(which), nullptr)(n);
  }
  void destroy(std::size_t which) { calls_.at(which) = nullptr; }

  std::atomic<int> initiated{0};
  std::atomic<int> emissions{0};

private:
  const int throws_;
  const bool listens_;
  std::vector<std::function<void(int)>> calls_;
};

// Awaits the operation until it does not throw, always at the same address.
task<int> retries(keeper& op) {
  for (;;) {
    try {
      co_return co_await op.wait();
    } catch (const std::runtime_error&) {
    }
  }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(task_asio_kept, pool_fixture)

BOOST_AUTO_TEST_CASE(a_handler_called_after_its_initiation_threw_does_nothing) {
  keeper op(2);
  auto ended = weir::co_spawn(pool, retries(op), asio::use_future);
  block_until([&] { return op.initiated == 3; });
  op.call(0, 1);
  op.call(1, 2);
  op.call(2, 3);
  BOOST_TEST(ended.get() == 3);
}

BOOST_AUTO_TEST_CASE(one_destroyed_after_its_initiation_threw_does_nothing) {
  keeper op(2);
  auto ended = weir::co_spawn(pool, retries(op), asio::use_future);
  block_until([&] { return op.initiated == 3; });
  op.destroy(1);
  op.destroy(0);
  op.call(2, 3);
  BOOST_TEST(ended.get() == 3);
}

BOOST_AUTO_TEST_CASE(it_may_outlive_the_task) {
  keeper op(2);
  auto ended = weir::co_spawn(pool, retries(op), asio::use_future);
  block_until([&] { return op.initiated == 3; });
  op.call(2, 3);
  BOOST_TEST(ended.get() == 3);
  op.call(0, 1);
  op.destroy(1);
}

BOOST_AUTO_TEST_CASE(its_operation_hears_of_no_cancellation) {
  keeper op(1);
  keeper deaf(0, listening::no);
  asio::cancellation_signal signal;
  auto goes_on = [&]() -> task<int> {
    try {
      (void)co_await op.wait();
    } catch (const std::runtime_error&) {
    }
    co_return co_await deaf.wait();
  };
  auto ended = weir::co_spawn(
      pool,
      goes_on(),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until([&] { return deaf.initiated == 1; });
  signal.emit(asio::cancellation_type::terminal);
  deaf.call(0, 5);
  BOOST_TEST(ended.get() == 5);
  BOOST_TEST(op.emissions == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_task_asio_kept
