// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancellations of several types, one after the other, and what an operation
// of Asio's kind hears of them.

#include <weir/co_spawn.hpp>
#include <weir/task.hpp>

#include "support/pool_fixture.hpp"
#include "support/until.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>

namespace weir::test {

namespace {

using asio::cancellation_type;

// An operation that notes each emission and goes on until it is told to end.
class stubborn final {
public:
  auto wait() {
    return asio::async_initiate<const asio::deferred_t&, void()>(
        [this](auto handler) {
          asio::get_associated_cancellation_slot(handler).assign(
              [this](cancellation_type type) {
                ++emissions;
                heard |= static_cast<unsigned>(type);
              });
          auto kept = std::make_shared<decltype(handler)>(std::move(handler));
          end_ = [kept] { std::move (*kept)(); };
          waits = true;
        },
        asio::deferred);
  }
  void end() { std::exchange(end_, nullptr)(); }

  std::atomic<bool> waits{false};
  std::atomic<int> emissions{0};
  std::atomic<unsigned> heard{0};

private:
  std::function<void()> end_;
};

// Runs a task that waits for `op`, hears of any type, and is told `types`.
template <typename Pool>
void emit_while_waiting(Pool& pool,
                        stubborn& op,
                        std::initializer_list<cancellation_type> types) {
  asio::cancellation_signal signal;
  auto waits = [&]() -> task<> {
    co_await asio::this_coro::reset_cancellation_state(
        asio::enable_total_cancellation());
    co_await op.wait();
  };
  auto done = weir::co_spawn(
      pool,
      waits(),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until([&] { return op.waits.load(); });
  unsigned all = 0;
  for (const cancellation_type type : types) {
    signal.emit(type);
    all |= static_cast<unsigned>(type);
    block_until([&] { return (op.heard & all) == all; });
  }
  op.end();
  done.get();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(co_spawn_cancel_types, pool_fixture)

BOOST_AUTO_TEST_CASE(an_operation_is_told_once_of_each_type) {
  stubborn op;
  emit_while_waiting(pool,
                     op,
                     {cancellation_type::total,
                      cancellation_type::total,
                      cancellation_type::terminal,
                      cancellation_type::terminal,
                      cancellation_type::total});
  BOOST_TEST(op.emissions == 2);
}

BOOST_AUTO_TEST_CASE(a_type_reaches_the_operation_after_another_one) {
  stubborn op;
  emit_while_waiting(
      pool, op, {cancellation_type::partial, cancellation_type::terminal});
  BOOST_TEST(op.emissions == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
