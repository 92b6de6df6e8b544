// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Properties that no test of errgroup, conc or ants asserts; each is a known
// defect of one of them: limits, ends and memory. Cancellation:
// beyond_cancel.cpp.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "../support/gate.hpp"
#include "../support/pool_fixture.hpp"
#include "../support/sanitized.hpp"
#include "../support/says.hpp"
#include "../support/until.hpp"
#include "../support/work.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <stdexcept>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(beyond, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

// errgroup: SetLimit on an unlimited group with tasks deadlocks Wait.
BOOST_AUTO_TEST_CASE(a_limit_set_on_an_unlimited_group_does_not_hang_join) {
  for (std::size_t limit : caps) {
    gate door(pool.get_executor());
    std::atomic<int> calls{0};
    task_group group(pool);
    for (int i = 0; i != 20; ++i)
      wait(group.spawn(waits_for(door)));
    group.set_max_in_flight(limit);
    auto waiting = group.spawn(counts(calls))(asio::use_future);
    door.open();
    waiting.get();
    wait(group.join());
    BOOST_TEST(calls == 1);
    BOOST_TEST(group.stats().completed == 21u);
  }
}

// ants: Free() is negative after Tune, and -1 also means unlimited.
BOOST_AUTO_TEST_CASE(available_is_never_negative_after_shrinking) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 8});
  for (int i = 0; i != 8; ++i)
    wait(group.spawn(waits_for(door)));
  for (std::size_t limit : {7u, 2u, 1u}) {
    group.set_max_in_flight(limit);
    BOOST_TEST(group.stats().available == 0u);
    BOOST_TEST(group.stats().in_flight == 8u);
  }
  door.open();
  wait(group.join());
  BOOST_TEST(group.stats().available == 1u);
}

task<> splits(task_group& group, int n, std::atomic<int>& leaves) {
  if (n == 1)
    ++leaves;
  else
    for (int half : {n / 2, n - n / 2})
      co_await group.spawn(splits(group, half, leaves));
}

// In all three every worker waits for a free worker.
BOOST_AUTO_TEST_CASE(a_child_that_spawns_at_capacity_makes_progress) {
  for (std::size_t cap : caps) {
    std::atomic<int> leaves{0};
    task_group group(pool, {.max_in_flight = cap});
    wait(group.spawn(splits(group, 1000, leaves)));
    wait(group.join());
    BOOST_TEST(leaves == 1000);
    BOOST_TEST(group.stats().peak <= cap);
  }
}

// conc: a Go concurrent with Wait panics. Here it counts or is refused.
BOOST_AUTO_TEST_CASE(a_million_spawns_race_with_joins) {
  constexpr int rounds = sanitized ? 100 : 5000;
  constexpr int spawns = 200;
  std::atomic<int> calls{0};
  std::atomic<int> asked{0};
  std::uint64_t started = 0;
  int refused = 0;
  auto feeds = [&](task_group& group, int& no) -> task<> {
    for (int i = 0; i != spawns; ++i) {
      ++asked;
      try {
        co_await group.spawn(counts(calls));
      } catch (const system_error& e) {
        if (e.code() != errc::group_closed)
          throw;
        ++no;
      }
    }
  };
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 3});
    task_group feeders(pool);
    for (int round = 0; round != rounds; ++round) {
      const int before = asked;
      co_await feeders.spawn(feeds, std::ref(group), std::ref(refused));
      while (asked < before + round % spawns)
        co_await checkpoint();
      co_await group.join();
      const std::uint64_t spawned = group.stats().spawned;
      co_await feeders.wait_idle();
      if (group.stats().spawned != spawned)
        throw std::logic_error("a child after join");
      started += spawned;
      group.reopen();
    }
    co_await feeders.join();
  };
  run(main());
  BOOST_TEST(asked == rounds * spawns);
  BOOST_TEST(started == static_cast<std::uint64_t>(calls));
  BOOST_TEST(static_cast<int>(started) + refused == rounds * spawns);
}

// Go: Goexit in a conc stream hangs Wait.
BOOST_AUTO_TEST_CASE(a_frame_destroyed_in_mid_flight_does_not_hang_join) {
  auto dropped = [] {
    return asio::async_initiate<const asio::deferred_t, void()>(
        [](auto handler) { (void)handler; }, asio::deferred);
  };
  std::atomic<int> calls{0};
  auto child = [&]() -> task<> {
    ++calls;
    co_await dropped();
    ++calls;
  };
  for (std::size_t cap : caps) {
    task_group group(pool, {.max_in_flight = cap});
    wait(group.spawn(child));
    BOOST_CHECK_EXCEPTION(
        wait(group.join()), system_error, has_code(errc::task_abandoned));
    BOOST_TEST(group.stats().in_flight == 0u);
  }
  BOOST_TEST(calls == 3);
}

// Pages of this process in memory.
long resident_pages() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return resident;
}

// Many libraries: finished tasks stay in the group's list.
BOOST_AUTO_TEST_CASE(ten_million_finished_tasks_leave_nothing_behind) {
  constexpr int n = slow ? 100'000 : 10'000'000;
  std::atomic<int> calls{0};
  long before = 0;
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 1000});
    for (int i = 0; i != n; ++i) {
      if (i == n / 10)
        before = resident_pages();
      co_await group.spawn(counts(calls));
    }
    co_await group.join();
  };
  run(main());
  BOOST_TEST(calls == n);
  if (!slow)
    BOOST_TEST(resident_pages() - before < 1024); // of 4 KiB
}

BOOST_AUTO_TEST_CASE(a_second_join_has_the_same_outcome) {
  task_group good(pool);
  wait(good.spawn(returns()));
  for (int i = 0; i != 3; ++i)
    wait(good.join());
  task_group bad(pool);
  wait(bad.spawn(fails_with("boom")));
  for (int i = 0; i != 3; ++i)
    BOOST_CHECK_EXCEPTION(wait(bad.join()), std::runtime_error, says("boom"));
}

// errgroup hangs, ants times out.
BOOST_AUTO_TEST_CASE(a_join_by_a_child_is_an_error_and_no_hang) {
  error_code code;
  auto child = [&](task_group& group) -> task<> {
    try {
      co_await group.join();
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  wait(group.join());
  BOOST_TEST(code == errc::would_deadlock);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
