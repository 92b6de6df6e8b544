// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancellations of several types, one after the other, and which of them reach
// an Asio operation; and emissions that name no type.

#include <weir/channel.hpp>
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

// An operation that records each emission and continues until its end is
// called.
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

// Runs a task that waits for `op`, accepts any type, and gets `types`.
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

// A value beyond the types that Asio defines, which any signal takes.
constexpr auto no_type = static_cast<cancellation_type>(0x100);

// Whether a task that kept its thread busy during the emissions is cancelled.
template <typename Pool>
bool sees_cancellation(Pool& pool,
                       std::initializer_list<cancellation_type> emitted) {
  asio::cancellation_signal signal;
  std::atomic<bool> is_busy{false};
  std::atomic<bool> may_end{false};
  bool is_cancelled = false;
  auto busy = [&]() -> task<> {
    is_busy = true;
    block_until([&] { return may_end.load(); });
    const auto state = co_await asio::this_coro::cancellation_state;
    is_cancelled = state.cancelled() != cancellation_type::none;
  };
  auto done = weir::co_spawn(
      pool,
      busy(),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until([&] { return is_busy.load(); });
  for (const cancellation_type type : emitted)
    signal.emit(type);
  may_end = true;
  done.get();
  return is_cancelled;
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

BOOST_AUTO_TEST_CASE(emissions_without_a_type_to_a_busy_task_change_nothing) {
  const auto none = cancellation_type::none;
  const auto last = cancellation_type::terminal;
  BOOST_TEST(!sees_cancellation(pool, {none, none, none}));
  BOOST_TEST(!sees_cancellation(pool, {no_type, none, no_type}));
  BOOST_TEST(sees_cancellation(pool, {none, last, none}));
  BOOST_TEST(sees_cancellation(pool, {no_type, last, no_type, last}));
}

BOOST_AUTO_TEST_CASE(an_emission_without_a_type_leaves_an_operation_waiting) {
  channel<int> queue(1);
  asio::cancellation_signal signal;
  auto received = queue.receive()(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  signal.emit(cancellation_type::none);
  signal.emit(no_type);
  wait(queue.send(7));
  BOOST_TEST(received.get().value() == 7);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
