// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// runtime::stop() while an asio::awaitable inside of a task waits for tasks of
// the same runtime: those are destroyed first, and then the awaitable returns.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deadlock.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>

namespace weir::test {

struct stop_awaitables_fixture {
  watchdog dog{std::chrono::seconds(120)};
};

BOOST_FIXTURE_TEST_SUITE(stop_awaitables, stop_awaitables_fixture)

using boost::system::system_error;

// What the tasks of one program share.
struct board {
  explicit board(gate& g) : never(g) {}
  // For the frame of an awaitable: when it is destroyed, the frames of the
  // tasks that it waits for must be destroyed.
  auto looks() {
    return on_scope_exit([this] {
      if (below != 0)
        in_order = false;
    });
  }
  gate& never;
  std::atomic<int> below{0}; // frames that an awaitable waits for
  std::atomic<int> alive{0}; // all frames
  std::atomic<bool> in_order{true};
};

task<> child(board& b) {
  const counted mine(b.alive);
  const counted below(b.below);
  co_await b.never.wait();
}

// Three tasks, one of them with a group.
task<> family(board& b) {
  const counted mine(b.alive);
  const counted below(b.below);
  auto body = [&b](task_group& group) -> task<> {
    const counted inner(b.below);
    co_await group.spawn(child, std::ref(b));
    co_await group.spawn(child, std::ref(b));
    co_await b.never.wait();
  };
  co_await with_task_group({}, body);
}

asio::awaitable<void> in_a_scope(weir::executor ex, board& b) {
  const auto looks = b.looks();
  auto body = [&b](task_group& group) -> asio::awaitable<void> {
    co_await group.spawn(family(b))(asio::use_awaitable);
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
  };
  co_await with_task_group(ex, {}, body);
}

asio::awaitable<void> in_a_join(weir::executor ex, board& b) {
  const auto looks = b.looks();
  // Else an awaitable that is cancelled before its join() throws there, and the
  // group is destroyed with its child in flight.
  co_await asio::this_coro::throw_if_cancelled(false);
  task_group group(ex);
  co_await group.spawn(family(b))(asio::use_awaitable);
  co_await group.join()(asio::use_awaitable);
}

asio::awaitable<void> in_a_spawned_task(weir::executor ex, board& b) {
  const auto looks = b.looks();
  co_await weir::co_spawn(ex, family(b), asio::use_awaitable);
}

asio::awaitable<void> beside_another_wait(weir::executor ex, board& b) {
  using namespace asio::experimental::awaitable_operators;
  const auto looks = b.looks();
  asio::steady_timer timer(ex, std::chrono::hours(1));
  co_await (weir::co_spawn(ex, family(b), asio::use_awaitable) ||
            timer.async_wait(asio::use_awaitable));
}

using program = asio::awaitable<void> (*)(weir::executor, board&);

task<> awaits(program waits, weir::executor ex, board& b) {
  const counted mine(b.alive);
  co_await waits(ex, b);
}

asio::awaitable<void> two_levels_deep(weir::executor ex, board& b) {
  const auto looks = b.looks();
  co_await weir::co_spawn(ex, awaits(in_a_join, ex, b), asio::use_awaitable);
}

// Of each, three tasks arrive at the gate.
constexpr std::array<program, 5> programs{in_a_scope,
                                          in_a_join,
                                          in_a_spawned_task,
                                          beside_another_wait,
                                          two_levels_deep};

BOOST_AUTO_TEST_CASE(what_an_awaitable_waits_for_goes_first) {
  for (std::size_t which = 0; which != programs.size(); ++which)
    for (const std::size_t n : {1u, 20u})
      BOOST_TEST_CONTEXT("program " << which << ", " << n << " times") {
        weir::runtime pool(2);
        const executor ex = pool.get_executor();
        gate never(ex);
        std::deque<board> boards;
        for (std::size_t i = 0; i != n; ++i)
          weir::co_spawn(
              pool,
              awaits(programs[which], ex, boards.emplace_back(never)),
              asio::detached);
        block_until([&] { return never.arrivals() == 3 * n; });
        pool.stop();
        for (board& b : boards) {
          BOOST_TEST(b.alive == 0);
          BOOST_TEST(b.in_order);
        }
      }
}

BOOST_AUTO_TEST_CASE(a_pool_that_stops_itself_ends_them) {
  for (std::size_t which = 0; which != programs.size(); ++which)
    for (const std::size_t threads : {1u, 2u})
      BOOST_TEST_CONTEXT("program " << which << ", threads " << threads) {
        weir::runtime pool(threads);
        const executor ex = pool.get_executor();
        gate never(ex);
        board b(never);
        auto done = weir::co_spawn(
            pool, awaits(programs[which], ex, b), asio::use_future);
        block_until([&] { return never.arrivals() == 3; });
        asio::post(ex, [&] { pool.stop(); });
        BOOST_CHECK_EXCEPTION(
            done.get(), system_error, has_code(errc::task_abandoned));
        BOOST_TEST(b.alive == 0);
        BOOST_TEST(b.in_order);
      }
}

BOOST_AUTO_TEST_CASE(a_deterministic_runtime_ends_them) {
  for (std::size_t which = 0; which != programs.size(); ++which)
    for (std::uint64_t seed = 1; seed != 6; ++seed)
      BOOST_TEST_CONTEXT("program " << which << ", seed " << seed) {
        deterministic_runtime runtime({.seed = seed});
        const executor ex = runtime.get_executor();
        gate never(ex);
        board b(never);
        auto main = [&]() -> task<> {
          weir::co_spawn(ex, awaits(programs[which], ex, b), asio::detached);
          while (never.arrivals() != 3)
            co_await checkpoint();
          runtime.stop();
          co_await checkpoint();
        };
        BOOST_CHECK_EXCEPTION(
            runtime.run(main()), system_error, has_code(errc::task_abandoned));
        BOOST_TEST(b.alive == 0);
        BOOST_TEST(b.in_order);
      }
}

// A task that an awaitable waits for is not destroyed while other tasks may
// refer to it: a task that it started, and any task that is slow to end.
enum class other_is { its_slow_child, its_child_that_waits, any_slow_one };
constexpr other_is others[] = {other_is::its_slow_child,
                               other_is::its_child_that_waits,
                               other_is::any_slow_one};

BOOST_AUTO_TEST_CASE(a_task_stays_while_others_may_refer_to_it) {
  for (const other_is what : others) {
    asio::io_context slow; // runs only when the end has begun
    weir::runtime pool(2);
    gate never(pool.get_executor());
    board b(never);
    std::atomic<bool> waiting{false};
    std::atomic<bool> was_there{false};
    auto refers = [&]() -> asio::awaitable<void> {
      asio::steady_timer timer(slow, std::chrono::hours(1));
      try {
        if (what == other_is::its_child_that_waits) {
          auto waits = [&]() -> task<> {
            waiting = true;
            co_await never.wait();
          };
          co_await weir::co_spawn(pool, waits(), asio::use_awaitable);
        } else {
          waiting = true;
          co_await timer.async_wait(asio::use_awaitable);
        }
      } catch (const system_error&) {
      }
      was_there = b.alive == 1;
    };
    auto other = [&]() -> task<> { co_await refers(); };
    auto referred_to = [&]() -> task<> {
      const counted mine(b.alive);
      if (what != other_is::any_slow_one)
        weir::co_spawn(pool, other(), [](std::exception_ptr) {});
      co_await never.wait();
    };
    auto waits_for_it = [&]() -> asio::awaitable<void> {
      co_await weir::co_spawn(pool, referred_to(), asio::use_awaitable);
    };
    auto main = [&]() -> task<> { co_await waits_for_it(); };
    weir::co_spawn(pool, main(), asio::detached);
    if (what == other_is::any_slow_one)
      weir::co_spawn(pool, other(), asio::detached);
    block_until([&] { return waiting && b.alive == 1; });
    std::thread stops([&] { pool.stop(); });
    // Gives the end time to check whether a task can be destroyed early. In
    // that time the task must not be destroyed.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    auto work = asio::make_work_guard(slow);
    std::thread runs([&] { slow.run(); });
    stops.join();
    work.reset();
    runs.join();
    BOOST_TEST(was_there);
    BOOST_TEST(b.alive == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
