// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The cap on children in flight.

#include <weir/checkpoint.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_limit, pool_fixture)

// Fills `group` with children that wait for `door`.
task<> fill(task_group& group, gate& door) {
  for (std::size_t i = group.max_in_flight(); i != 0; --i)
    co_await group.spawn(waits_for(door));
}

BOOST_AUTO_TEST_CASE(never_more_children_run_than_the_cap_says) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      high_water children;
      std::size_t peak = 0;
      auto child = [&]() -> task<> {
        children.enter();
        on_scope_exit leave([&] { children.leave(); });
        co_await checkpoint();
        co_await checkpoint();
      };
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        for (int i = 0; i != 1025; ++i)
          co_await group.spawn(child);
        co_await group.join();
        peak = group.stats().peak;
      };
      run(main());
      BOOST_TEST(children.peak() <= static_cast<int>(cap));
      BOOST_TEST(peak <= cap);
      BOOST_TEST(peak >= 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_cap_can_be_used_to_the_full) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      gate door(pool.get_executor());
      task_group_stats full{};
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        co_await fill(group, door);
        full = group.stats();
        door.open();
        co_await group.join();
      };
      run(main());
      BOOST_TEST(full.in_flight == cap);
      BOOST_TEST(full.peak == cap);
      BOOST_TEST(full.waiting == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(at_the_cap_spawn_waits_until_a_child_has_ended) {
  gate first(pool.get_executor());
  gate second(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(first)));
  auto waiting = group.spawn(waits_for(second))(asio::use_future);
  BOOST_TEST(group.stats().waiting == 1u);
  BOOST_TEST(group.stats().spawned == 1u);
  BOOST_TEST((waiting.wait_for(std::chrono::milliseconds(1)) ==
              std::future_status::timeout));
  first.open();
  waiting.get();
  BOOST_TEST(group.stats().waiting == 0u);
  BOOST_TEST(group.stats().spawned == 2u);
  second.open();
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(those_that_wait_are_admitted_first_come_first_served) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      constexpr int asked = 30;
      gate blocked(pool.get_executor());
      gate turn(pool.get_executor());
      journal<int> started;
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        // All slots but one stay taken, so starts have an order.
        for (std::size_t i = 1; i != cap; ++i)
          co_await group.spawn(waits_for(blocked));
        co_await group.spawn(waits_for(turn));
        auto child = [&](int n) -> task<> {
          started.add(n);
          co_await checkpoint();
        };
        auto asks = [&](int n) -> task<> { co_await group.spawn(child, n); };
        task_group askers(pool);
        for (int n = 0; n != asked; ++n) {
          co_await askers.spawn(asks, n);
          const auto queued = static_cast<std::size_t>(n) + 1;
          co_await until([&] { return group.stats().waiting == queued; });
        }
        turn.open();
        co_await askers.join();
        co_await until([&] { return started.size() == asked; });
        blocked.open();
        co_await group.join();
      };
      run(main());
      const std::vector<int> order = started.entries();
      BOOST_TEST(order.size() == static_cast<std::size_t>(asked));
      BOOST_TEST(std::is_sorted(order.begin(), order.end()));
    }
  }
}

BOOST_AUTO_TEST_CASE(cap_zero_is_an_invalid_argument_that_says_so) {
  const auto names_rule = [](const std::invalid_argument& e) {
    return says("max_in_flight is 0")(e) && says("at least 1")(e);
  };
  const task_group_options zero{.max_in_flight = 0};
  BOOST_CHECK_EXCEPTION(
      task_group(pool, zero), std::invalid_argument, names_rule);
  BOOST_CHECK_EXCEPTION(
      task_group(pool.get_executor(), zero), std::invalid_argument, names_rule);
  std::atomic<int> calls{0};
  auto main = [&]() -> task<> {
    co_await with_task_group(zero, [&](task_group&) -> task<> {
      ++calls;
      co_return;
    });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::invalid_argument, names_rule);
  BOOST_TEST(calls == 0);

  task_group group(pool, {.max_in_flight = 3});
  BOOST_CHECK_EXCEPTION(
      group.set_max_in_flight(0), std::invalid_argument, names_rule);
  BOOST_TEST(group.max_in_flight() == 3u);
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(no_cap_is_the_default_and_has_a_name) {
  gate door(pool.get_executor());
  task_group group(pool);
  BOOST_TEST(group.max_in_flight() == unlimited);
  for (int i = 0; i != 1000; ++i)
    BOOST_REQUIRE((group.try_spawn(waits_for(door)) == spawn_status::started));
  BOOST_TEST(group.stats().in_flight == 1000u);
  door.open();
  wait(group.join());

  task_group nearly(pool, {.max_in_flight = unlimited - 1});
  wait(nearly.spawn(returns()));
  wait(nearly.join());
  BOOST_TEST(nearly.stats().completed == 1u);
}

BOOST_AUTO_TEST_CASE(raising_the_cap_admits_exactly_the_new_slots) {
  gate door(pool.get_executor());
  journal<int> admitted;
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  std::vector<std::future<void>> waiting;
  for (int n = 0; n != 10; ++n) {
    auto child = [&, n]() -> task<> {
      admitted.add(n);
      co_await door.wait();
    };
    waiting.push_back(group.spawn(child)(asio::use_future));
  }
  BOOST_TEST(group.stats().waiting == 10u);

  std::thread([&] { group.set_max_in_flight(4); }).join();
  BOOST_TEST(group.max_in_flight() == 4u);
  for (std::size_t i = 0; i != 3; ++i)
    waiting[i].get();
  block_until([&] { return admitted.size() == 3; });
  BOOST_TEST(group.stats().in_flight == 4u);
  BOOST_TEST(group.stats().waiting == 7u);
  std::vector<int> first = admitted.entries();
  std::sort(first.begin(), first.end());
  BOOST_TEST((first == std::vector<int>{0, 1, 2}));

  group.set_max_in_flight(unlimited);
  for (std::size_t i = 3; i != 10; ++i)
    waiting[i].get();
  BOOST_TEST(group.stats().in_flight == 11u);
  door.open();
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(lowering_the_cap_stops_nobody_and_admits_nobody) {
  std::vector<std::unique_ptr<gate>> doors;
  for (int i = 0; i != 4; ++i)
    doors.push_back(std::make_unique<gate>(pool.get_executor()));
  gate last(pool.get_executor());
  task_group group(pool, {.max_in_flight = 4});
  for (auto& door : doors)
    wait(group.spawn(waits_for(*door)));
  auto waiting = group.spawn(waits_for(last))(asio::use_future);

  group.set_max_in_flight(2);
  BOOST_TEST(group.stats().in_flight == 4u);
  for (std::size_t i = 0; i != 2; ++i) {
    doors[i]->open();
    block_until([&] { return group.stats().in_flight == 3 - i; });
    BOOST_TEST(group.stats().waiting == 1u);
    BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  }
  // At the cap no spawn starts; below it, the waiting one does.
  doors[2]->open();
  waiting.get();
  BOOST_TEST(group.stats().in_flight == 2u);
  doors[3]->open();
  last.open();
  wait(group.join());
  BOOST_TEST(group.stats().completed == 5u);
}

BOOST_AUTO_TEST_CASE(a_failing_child_frees_its_slot) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::uint64_t failed = 0;
      auto main = [&]() -> task<> {
        task_group group(
            pool, {.max_in_flight = cap, .errors = on_error::keep_going});
        for (int i = 0; i != 100; ++i)
          co_await group.spawn(fails_with("each"));
        co_await until([&] { return group.stats().in_flight == 0; });
        failed = group.stats().failed;
        co_await group.join();
      };
      BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("each"));
      BOOST_TEST(failed == 100u);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
