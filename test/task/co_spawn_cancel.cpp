// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>

#include "support/counted.hpp"
#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

namespace weir::test {

std::atomic<int> cancelled_unhandled{0};

BOOST_FIXTURE_TEST_SUITE(co_spawn_cancel, pool_fixture)

using asio::cancellation_type;

template <typename T>
std::future<T>
start(weir::runtime& on, asio::cancellation_signal& signal, task<T> work) {
  return weir::co_spawn(
      on,
      std::move(work),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
}

BOOST_AUTO_TEST_CASE(before_the_first_step_the_task_never_starts) {
  weir::runtime one(1);
  std::atomic<int> calls{0};
  std::atomic<int> alive{0};
  asio::cancellation_signal signal;
  auto child = [&](counted) -> task<> {
    ++calls;
    co_return;
  };
  std::promise<std::future<void>> started;
  // While this runs, the only thread is busy.
  asio::post(one.get_executor(), [&] {
    auto result = start(one, signal, child(counted(alive)));
    signal.emit(cancellation_type::terminal);
    started.set_value(std::move(result));
  });
  auto result = started.get_future().get();
  BOOST_CHECK_EXCEPTION(result.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(calls == 0);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(while_it_waits_the_task_is_ended) {
  asio::cancellation_signal signal;
  std::atomic<int> ended{0};
  gate never(pool.get_executor());
  auto result = start(pool, signal, waits_and_counts(never, ended));
  block_until([&] { return never.arrivals() == 1; });
  signal.emit(cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(result.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(while_it_computes_the_next_await_ends_it) {
  asio::cancellation_signal signal;
  std::atomic<bool> running{false};
  std::atomic<bool> cancelled{false};
  std::atomic<bool> went_on{false};
  auto computes = [&]() -> task<> {
    running = true;
    while (!cancelled) {
    }
    co_await checkpoint();
    co_await checkpoint();
    went_on = true;
  };
  auto result = start(pool, signal, computes());
  block_until([&] { return running.load(); });
  signal.emit(cancellation_type::terminal);
  cancelled = true;
  BOOST_CHECK_EXCEPTION(result.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(!went_on);
}

BOOST_AUTO_TEST_CASE(after_the_end_nothing_happens) {
  asio::cancellation_signal signal;
  auto child = []() -> task<int> { co_return 1; };
  auto result = start(pool, signal, child());
  BOOST_TEST(result.get() == 1);
  signal.emit(cancellation_type::terminal);
  signal.emit(cancellation_type::terminal);
  BOOST_TEST(run(child()) == 1);
}

BOOST_AUTO_TEST_CASE(any_number_of_times_is_as_good_as_once) {
  asio::cancellation_signal signal;
  std::atomic<int> ended{0};
  gate never(pool.get_executor());
  auto result = start(pool, signal, waits_and_counts(never, ended));
  for (int i = 0; i != 1000; ++i)
    signal.emit(cancellation_type::terminal);
  BOOST_CHECK_THROW(result.get(), boost::system::system_error);
  BOOST_TEST(ended <= 1); // 0 when it came before the first step
}

BOOST_AUTO_TEST_CASE(weaker_types_pass_as_the_filter_of_the_task_allows) {
  asio::cancellation_signal signal;
  gate never(pool.get_executor());
  gate filtered(pool.get_executor());
  std::atomic<bool> passed{false};
  auto child = [&]() -> task<> {
    co_await filtered.wait(); // terminal only
    passed = true;
    co_await asio::this_coro::reset_cancellation_state(
        asio::enable_total_cancellation());
    co_await never.wait();
  };
  auto result = start(pool, signal, child());
  block_until([&] { return filtered.arrivals() == 1; });
  signal.emit(cancellation_type::total);
  signal.emit(cancellation_type::partial);
  filtered.open();
  block_until([&] {
    signal.emit(cancellation_type::total);
    return result.wait_for(std::chrono::seconds(0)) ==
           std::future_status::ready;
  });
  BOOST_CHECK_EXCEPTION(result.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(passed);
}

BOOST_AUTO_TEST_CASE(a_task_may_answer_with_another_exception) {
  asio::cancellation_signal signal;
  gate never(pool.get_executor());
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const boost::system::system_error&) {
      throw std::runtime_error("interrupted");
    }
  };
  auto result = start(pool, signal, child());
  block_until([&] { return never.arrivals() == 1; });
  signal.emit(cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(result.get(), std::runtime_error, says("interrupted"));
}

BOOST_AUTO_TEST_CASE(a_cancelled_foreign_awaitable_cancels_what_it_awaits) {
  using namespace asio::experimental::awaitable_operators;
  std::atomic<int> ended{0};
  gate never(pool.get_executor());
  auto waits = [&]() -> asio::awaitable<void> {
    co_await weir::co_spawn(
        pool, waits_and_counts(never, ended), asio::use_awaitable);
  };
  auto gives_up = [&]() -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (never.arrivals() == 0) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
  auto main = [&]() -> asio::awaitable<void> {
    co_await (waits() || gives_up());
  };
  run_foreign(main());
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_cancels_the_root_task_it_awaits) {
  asio::cancellation_signal signal;
  std::atomic<int> ended{0};
  gate never(pool.get_executor());
  auto main = [&]() -> task<> {
    co_await weir::co_spawn(
        pool, waits_and_counts(never, ended), asio::deferred);
  };
  auto result = start(pool, signal, main());
  block_until([&] { return never.arrivals() == 1; });
  signal.emit(cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(result.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(a_cancelled_detached_task_is_no_unhandled_exception) {
  cancelled_unhandled = 0;
  runtime_options options;
  options.threads = 1;
  options.on_unhandled = [](const std::exception_ptr&) noexcept {
    ++cancelled_unhandled;
  };
  asio::cancellation_signal signal;
  std::atomic<int> ended{0};
  {
    weir::runtime hooked(options);
    gate never(hooked.get_executor());
    weir::co_spawn(hooked,
                   waits_and_counts(never, ended),
                   asio::bind_cancellation_slot(signal.slot(), asio::detached));
    block_until([&] { return never.arrivals() == 1; });
    signal.emit(cancellation_type::terminal);
    block_until([&] { return ended == 1; });
  }
  BOOST_TEST(cancelled_unhandled == 0);
}

// Emission against the natural end, from a thread of its own. The signal is
// used by one thread at a time: that is Asio's rule for it.
BOOST_AUTO_TEST_CASE(cancellation_may_race_with_the_end) {
  int finished = 0;
  int aborted = 0;
  const int enough = 20;
  for (int i = 0; (finished < enough || aborted < enough) && i != 100'000;
       ++i) {
    asio::cancellation_signal signal;
    auto child = [](int steps) -> task<> {
      for (int s = 0; s != steps; ++s)
        co_await checkpoint();
    };
    auto result = start(pool, signal, child(i % 50));
    for (int spin = 0; spin < i % 7; ++spin)
      std::this_thread::yield();
    signal.emit(cancellation_type::terminal);
    try {
      result.get();
      ++finished;
    } catch (const boost::system::system_error&) {
      ++aborted;
    }
  }
  BOOST_TEST(finished >= enough);
  BOOST_TEST(aborted >= enough);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
