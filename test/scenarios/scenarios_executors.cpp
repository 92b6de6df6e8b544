// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Executors that are not the runtime's.

#include <weir/error.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/death.hpp"
#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/system_context.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <exception>
#include <future>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace weir::test {

// Runs each function inside the call, even with post(), or throws.
struct inline_executor {
  template <typename F>
  void execute(F f) const {
    if (is_full)
      throw std::runtime_error("full");
    std::move(f)();
  }
  asio::execution_context& query(asio::execution::context_t) const noexcept {
    return asio::query(asio::system_executor(), asio::execution::context);
  }
  inline_executor require(asio::execution::blocking_t::never_t) const noexcept {
    return *this;
  }
  bool operator==(const inline_executor&) const noexcept = default;

  bool is_full = false;
};

BOOST_AUTO_TEST_SUITE(scenarios_executors)

// No code is left that could receive the error.
BOOST_AUTO_TEST_CASE(an_executor_that_refuses_a_handler_ends_the_process) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    task_group group(pool);
    group.spawn(returns())(
        asio::bind_executor(inline_executor{.is_full = true}, [](auto) {}));
    group.join()(asio::use_future).get();
    for (;;)
      pool.run(returns());
  });
  BOOST_TEST_CONTEXT("printed: " << end.printed)
  BOOST_TEST(end.signal == SIGABRT);
}

BOOST_FIXTURE_TEST_CASE(what_children_wrote_elsewhere_the_joiner_reads,
                        operations) {
  asio::thread_pool other(1);
  constexpr int children = 50;
  int written[children] = {}; // Plain: TSan would report a race.
  int before_the_hop[children] = {};
  auto hops = [&](int i) -> task<> {
    before_the_hop[i] = i;
    // Completes on a thread that belongs to no executor.
    written[i] = co_await completes<void(int)>(how::foreign, i + 1);
  };
  auto there = [&](int i) -> asio::awaitable<void> {
    before_the_hop[i] = i;
    co_await asio::post(other, asio::use_awaitable);
    written[i] = i + 1;
  };
  auto lives_there = [&](int i) -> task<> {
    before_the_hop[i] = i;
    co_await asio::co_spawn(other, there(i), asio::deferred);
  };
  int sum = 0;
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 5});
    for (int i = 0; i != children; ++i)
      if (i % 3 == 0)
        co_await group.spawn(hops, i);
      else if (i % 3 == 1)
        co_await group.spawn(there, i);
      else
        co_await group.spawn(lives_there, i);
    co_await group.join();
    for (int i = 0; i != children; ++i)
      sum += written[i] - before_the_hop[i];
  };
  run(main());
  BOOST_TEST(sum == children);
}

BOOST_FIXTURE_TEST_CASE(a_group_lives_on_a_runtime_and_on_nothing_else,
                        pool_fixture) {
  static_assert(std::is_constructible_v<task_group, const executor&>);
  static_assert(!std::is_constructible_v<task_group, asio::system_executor>);
  static_assert(!std::is_constructible_v<task_group, asio::io_context&>);
  static_assert(!std::is_constructible_v<task_group, inline_executor>);
  // What this holds is known when the program runs.
  const asio::any_io_executor foreign = asio::system_executor();
  BOOST_CHECK_THROW(task_group refused(foreign), std::invalid_argument);
  task_group group(pool.get_executor());
  wait(group.join());
}

struct with_context {
  asio::io_context polled{1};
};
// The context is destroyed last: a pool thread releases it after the last
// handler.
struct polled_fixture : with_context, pool_fixture {};

BOOST_FIXTURE_TEST_CASE(handlers_may_run_inline_or_anywhere_and_the_cap_holds,
                        polled_fixture) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  std::atomic<int> called{0};
  auto count = [&](auto) { ++called; };
  group.spawn(waits_for(door))(asio::bind_executor(inline_executor(), count));
  group.spawn(returns())(asio::bind_executor(inline_executor(), count));
  group.spawn(returns())(asio::bind_executor(asio::system_executor(), count));
  group.spawn(returns())(asio::bind_executor(polled, count));
  group.join()(asio::bind_executor(polled, count));
  block_until([&] { return called == 1; });
  BOOST_TEST(polled.poll() == 0u);
  BOOST_TEST(group.stats().in_flight == 1u);
  BOOST_TEST(group.stats().waiting == 3u);
  door.open();
  block_until([&] {
    polled.poll();
    return called == 5;
  });
  wait(group.join());
  BOOST_TEST(called == 5);
  BOOST_TEST(group.stats().peak == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
