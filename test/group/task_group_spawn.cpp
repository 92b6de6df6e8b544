// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// When a child starts, and when it is refused.

#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_spawn, pool_fixture)

BOOST_AUTO_TEST_CASE(spawn_completes_before_the_child_ends) {
  gate door(pool.get_executor());
  std::atomic<int> ended{0};
  int ended_at_spawn = -1;
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(waits_and_counts(door, ended));
    ended_at_spawn = ended;
    door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(ended_at_spawn == 0);
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(a_child_never_runs_inside_the_call) {
  weir::runtime one(1);
  std::atomic<int> calls{0};
  int calls_inside = -1;
  auto main = [&]() -> task<> {
    task_group group(one);
    // Two calls that cannot suspend, on the only thread.
    const spawn_status status = group.try_spawn(counts(calls));
    group.spawn(counts(calls))([](boost::system::error_code) {});
    calls_inside = status == spawn_status::started ? calls.load() : -2;
    co_await group.join();
  };
  one.run(main());
  BOOST_TEST(calls_inside == 0);
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(children_of_one_loop_run_side_by_side) {
  // Each of the two waits for the other.
  gate first(pool.get_executor());
  gate second(pool.get_executor());
  auto meets = [](gate& mine, gate& other) -> task<> {
    mine.open();
    co_await other.wait();
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(meets(first, second));
    co_await group.spawn(meets(second, first));
    co_await group.join();
  };
  run(main());
}

BOOST_AUTO_TEST_CASE(what_a_callable_throws_is_the_error_of_the_child) {
  std::atomic<bool> spawned{false};
  auto throws = []() -> task<> { throw std::runtime_error("no task"); };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(throws);
    spawned = true;
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("no task"));
  BOOST_TEST(spawned);
}

BOOST_AUTO_TEST_CASE(an_empty_callable_or_task_is_an_invalid_argument) {
  task_group group(pool);
  std::function<task<>()> empty;
  task<> (*null)() = nullptr;
  BOOST_CHECK_EXCEPTION(
      (void)group.spawn(empty), std::invalid_argument, says("empty"));
  BOOST_CHECK_THROW((void)group.spawn(null), std::invalid_argument);
  BOOST_CHECK_EXCEPTION(
      (void)group.spawn(task<>()), std::invalid_argument, says("empty"));
  BOOST_CHECK_THROW((void)group.try_spawn(empty), std::invalid_argument);
  BOOST_CHECK_THROW((void)group.try_spawn(task<>()), std::invalid_argument);
  wait(group.join());
  BOOST_TEST(group.stats().spawned == 0u);
}

BOOST_AUTO_TEST_CASE(an_operation_that_is_not_awaited_spawns_nothing) {
  std::atomic<int> alive{0};
  std::atomic<int> calls{0};
  auto child = [&](counted) -> task<> {
    ++calls;
    co_return;
  };
  task_group group(pool);
  {
    auto never_started = group.spawn(child, counted(alive));
    BOOST_TEST(alive == 1);
  }
  BOOST_TEST(alive == 0);
  wait(group.join());
  BOOST_TEST(calls == 0);
  BOOST_TEST(group.stats().spawned == 0u);
}

BOOST_AUTO_TEST_CASE(try_spawn_says_started_full_cancelled_and_closed) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 2});
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::started));
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::started));
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::full));
  door.open();
  block_until([&] { return group.stats().in_flight == 0; });
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::started));
  group.close();
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::closed));
  wait(group.join());
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::closed));
  BOOST_TEST(group.stats().spawned == 3u);
  BOOST_TEST(group.stats().rejected == 3u);

  task_group cancelled(pool);
  cancelled.cancel();
  BOOST_TEST((cancelled.try_spawn(waits_for(door)) == spawn_status::cancelled));
  wait(cancelled.join());
}

BOOST_AUTO_TEST_CASE(try_spawn_does_not_overtake_those_that_wait) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::started));
  auto waiting = group.spawn(waits_for(door))(asio::use_future);
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  door.open();
  waiting.get();
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(a_refused_try_spawn_leaves_the_child_as_it_was) {
  std::atomic<int> calls{0};
  task_group closed(pool);
  closed.close();
  task<> child = counts(calls);
  BOOST_TEST((closed.try_spawn(std::move(child)) == spawn_status::closed));
  BOOST_TEST(static_cast<bool>(child));
  run(std::move(child));
  BOOST_TEST(calls == 1);

  auto adds = [&](std::unique_ptr<int> n) -> task<> {
    calls += *n;
    co_return;
  };
  auto argument = std::make_unique<int>(10);
  BOOST_TEST(
      (closed.try_spawn(adds, std::move(argument)) == spawn_status::closed));
  BOOST_TEST(argument != nullptr);
  wait(closed.join());

  task_group open(pool);
  BOOST_TEST(
      (open.try_spawn(adds, std::move(argument)) == spawn_status::started));
  wait(open.join());
  BOOST_TEST(calls == 11);
}

BOOST_AUTO_TEST_CASE(children_may_spawn_while_join_waits) {
  std::atomic<int> calls{0};
  gate door(pool.get_executor());
  auto late = [&](task_group& group) -> task<> {
    co_await door.wait();
    for (int i = 0; i != 10; ++i)
      co_await group.spawn(counts(calls));
  };
  task_group group(pool);
  wait(group.spawn(late, std::ref(group)));
  auto joined = group.join()(asio::use_future);
  door.open();
  joined.get();
  BOOST_TEST(calls == 10);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
