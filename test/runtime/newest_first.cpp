// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A worker runs what its tasks have made ready newest first, and starves
// nothing by that.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>

#include "support/until.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

namespace {

struct newest_first_fixture {
  watchdog dog;
};

task<> nothing() { co_return; }

// Makes children without end, on one worker, whose deque is never empty.
task<> storm(const std::atomic<bool>& over) {
  while (!over)
    co_await when_all(nothing(), nothing(), nothing());
}

task<> sets(std::atomic<bool>& flag) {
  flag = true;
  co_return;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(newest_first, newest_first_fixture)

BOOST_AUTO_TEST_CASE(the_children_of_a_loop_run_newest_first) {
  std::string order;
  auto notes = [&](char name) -> task<> {
    order += name;
    co_return;
  };
  auto main = [&]() -> task<> {
    auto body = [&](task_group& group) -> task<> {
      for (const char name : {'a', 'b', 'c'})
        co_await group.spawn(notes(name));
    };
    co_await with_task_group({}, body);
    co_await when_all(notes('d'), notes('e'), notes('f'));
  };
  runtime(1).run(main());
  BOOST_TEST(order == "cbafed");
}

BOOST_AUTO_TEST_CASE(a_child_runs_before_the_siblings_of_its_parent) {
  std::string order;
  auto leaf = [&](char name) -> task<> {
    order += name;
    co_return;
  };
  auto node = [&](char first, char second) -> task<> {
    co_await when_all(leaf(first), leaf(second));
  };
  auto main = [&]() -> task<> {
    co_await when_all(node('a', 'b'), node('c', 'd'));
  };
  runtime(1).run(main());
  BOOST_TEST(order == "dcba");
}

// A loop of spawns lets its children run, and goes on when they have: so that
// few of them wait at a time.
BOOST_AUTO_TEST_CASE(a_long_loop_of_spawns_lets_its_children_run) {
  std::size_t most = 0;
  std::size_t waiting = 0;
  auto child = [&]() -> task<> {
    --waiting;
    co_return;
  };
  auto body = [&](task_group& group) -> task<> {
    for (int i = 0; i != 1000; ++i) {
      most = std::max(most, ++waiting);
      co_await group.spawn(child());
    }
  };
  runtime(1).run(with_task_group({}, body));
  BOOST_TEST(waiting == 0u);
  BOOST_TEST(most <= 20u);
}

BOOST_AUTO_TEST_CASE(a_task_that_yields_runs_beside_a_storm_of_children) {
  std::atomic<bool> over{false};
  auto yields = [&]() -> task<> {
    for (int i = 0; i != 10; ++i)
      co_await checkpoint();
    over = true;
  };
  auto main = [&]() -> task<> { co_await when_all(storm(over), yields()); };
  runtime(1).run(main());
  BOOST_TEST(over);
}

BOOST_AUTO_TEST_CASE(a_sleep_ends_beside_a_storm_of_children) {
  std::atomic<bool> over{false};
  auto sleeps = [&]() -> task<> {
    co_await sleep_for(std::chrono::milliseconds(2));
    over = true;
  };
  auto main = [&]() -> task<> { co_await when_all(sleeps(), storm(over)); };
  runtime(1).run(main());
  BOOST_TEST(over);
}

BOOST_AUTO_TEST_CASE(what_asio_completes_runs_beside_a_storm_of_children) {
  std::atomic<bool> over{false};
  auto waits = [&]() -> task<> {
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::chrono::milliseconds(2));
    co_await timer.async_wait(asio::deferred);
    over = true;
  };
  auto main = [&]() -> task<> { co_await when_all(waits(), storm(over)); };
  runtime(1).run(main());
  BOOST_TEST(over);
}

BOOST_AUTO_TEST_CASE(what_other_threads_start_runs_beside_a_storm_of_children) {
  std::atomic<bool> over{false};
  runtime pool(1);
  co_spawn(pool, storm(over), asio::detached);
  co_spawn(pool, sets(over), asio::detached);
  block_until([&] { return over.load(); });
}

// The storm is newer than the sibling, which stays the oldest of the deque.
BOOST_AUTO_TEST_CASE(the_oldest_task_runs_beside_a_storm_of_children) {
  std::atomic<bool> over{false};
  auto main = [&]() -> task<> {
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(sets(over));
      co_await group.spawn(storm(over));
    };
    co_await with_task_group({}, body);
  };
  runtime(1).run(main());
  BOOST_TEST(over);
}

// While a task makes short ones the other worker naps. It takes what then waits
// behind a long one.
BOOST_AUTO_TEST_CASE(a_worker_that_naps_takes_what_waits_behind_a_long_task) {
  const watchdog time_limit;
  auto nothing = []() -> task<> { co_return; };
  auto main = [&]() -> task<> {
    for (int i = 0; i != 2000; ++i)
      co_await when_all(nothing(), nothing());
    std::atomic<bool> has_run{false};
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(sets(has_run));
      block_until([&] { return has_run.load(); });
    };
    co_await with_task_group({}, body);
  };
  runtime pool(2);
  for (int round = 0; round != 20; ++round)
    pool.run(main());
}

// A deque has room for 256 tasks. What does not fit is not begun before the
// rest is done: few nodes have begun and not ended at a time.
BOOST_AUTO_TEST_CASE(a_tree_that_is_wider_than_the_deque_is_not_begun_at_once) {
  std::size_t begun = 0;
  std::size_t most = 0;
  std::size_t leaves = 0;
  auto leaf = [&]() -> task<> {
    ++leaves;
    co_return;
  };
  auto node = [&]() -> task<> {
    most = std::max(most, ++begun);
    std::vector<task<>> children;
    for (int i = 0; i != 300; ++i)
      children.push_back(leaf());
    co_await when_all(std::move(children));
    --begun;
  };
  auto main = [&]() -> task<> {
    std::vector<task<>> nodes;
    for (int i = 0; i != 300; ++i)
      nodes.push_back(node());
    co_await when_all(std::move(nodes));
  };
  runtime(1).run(main());
  BOOST_TEST(leaves == 90'000u);
  BOOST_TEST(most <= 20u); // one, and one for each slice of 2 ms
}

BOOST_AUTO_TEST_CASE(what_the_deque_has_no_room_for_runs_beside_a_storm) {
  std::atomic<bool> over{false};
  auto wide_storm = [&]() -> task<> {
    while (!over) {
      std::vector<task<>> children;
      for (int i = 0; i != 300; ++i)
        children.push_back(nothing());
      co_await when_all(std::move(children));
    }
  };
  auto main = [&]() -> task<> {
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(sets(over));
      co_await group.spawn(wide_storm());
      co_await group.spawn(wide_storm());
    };
    co_await with_task_group({}, body);
  };
  runtime(1).run(main());
  BOOST_TEST(over);
}

// The child that when_all() starts last is next on its worker. Here the
// worker's batch ends first, and a handler keeps the worker until the child has
// run.
BOOST_AUTO_TEST_CASE(what_is_next_is_not_lost_when_a_batch_ends) {
  std::atomic<bool> is_other_busy{false};
  std::atomic<bool> is_this_busy{false};
  std::atomic<bool> has_run{false};
  runtime pool(2);
  auto main = [&]() -> task<> {
    const auto on = pool.get_executor();
    asio::post(on, [&] {
      is_other_busy = true;
      block_until([&] { return is_this_busy.load(); });
    });
    block_until([&] { return is_other_busy.load(); });
    asio::post(on, [&] {
      is_this_busy = true;
      block_until([&] { return has_run.load(); });
    });
    // Longer than a batch.
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    block_until([&] { return std::chrono::steady_clock::now() > end; });
    co_await when_all(sets(has_run));
  };
  pool.run(main());
  BOOST_TEST(has_run);
}

// A child in front of the deque that never gives way keeps none from another
// worker.
BOOST_AUTO_TEST_CASE(a_long_task_keeps_no_sibling_from_other_workers) {
  std::atomic<bool> over{false};
  auto blocks = [&]() -> task<> {
    block_until([&] { return over.load(); });
    co_return;
  };
  auto main = [&]() -> task<> { co_await when_all(sets(over), blocks()); };
  runtime(2).run(main());
  BOOST_TEST(over);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
