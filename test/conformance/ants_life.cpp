// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the tests of panjf2000/ants assert about the life of a pool, under
// their names; see ants.cpp.

#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <stdexcept>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(ants_life, pool_fixture)

using namespace std::chrono_literals;

task<> adds(std::atomic<int>& sum, int n) {
  sum += n;
  co_return;
}

// 0 + 1 + ... + 999, as the examples of ants have it.
constexpr int tasks = 1000;
constexpr int total = 499'500;

int sum_up(pool_fixture& f, task_group& group) {
  std::atomic<int> sum{0};
  auto main = [&]() -> task<> {
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(adds(sum, i));
    co_await group.join();
  };
  f.run(main());
  return sum;
}

// --- closed, and opened again ---

void is_as_new_after_reopen(pool_fixture& f, std::size_t cap) {
  task_group group(f.pool, {.max_in_flight = cap});
  BOOST_TEST(sum_up(f, group) == total);
  BOOST_CHECK_EXCEPTION(f.wait(group.spawn(returns())),
                        boost::system::system_error,
                        has_code(errc::group_closed));
  group.reopen();
  BOOST_TEST(group.stats().spawned == 0u);
  BOOST_TEST(sum_up(f, group) == total);
}

BOOST_AUTO_TEST_CASE(TestRebootDefaultPool) {
  is_as_new_after_reopen(*this, unlimited);
}
BOOST_AUTO_TEST_CASE(TestRebootNewPool) { is_as_new_after_reopen(*this, 10); }
BOOST_AUTO_TEST_CASE(TestRebootNewPoolCalc) {
  is_as_new_after_reopen(*this, 1);
}

// ants leaves two producers blocked for ever (its issue 202).
BOOST_AUTO_TEST_CASE(TestReleaseWhenRunningPool) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  auto first = group.spawn(returns())(asio::use_future);
  auto second = group.spawn(returns())(asio::use_future);
  block_until([&] { return group.stats().waiting == 2; });
  group.cancel();
  BOOST_CHECK_EXCEPTION(first.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_CHECK_EXCEPTION(second.get(),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(TestReleaseWhenRunningPoolWithFunc) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for, std::ref(door)));
  auto first = group.spawn(returns)(asio::use_future);
  auto second = group.spawn(returns)(asio::use_future);
  block_until([&] { return group.stats().waiting == 2; });
  // Closed, those that wait keep their turn, and all end.
  group.close();
  door.open();
  first.get();
  second.get();
  wait(group.join());
  BOOST_TEST(group.stats().completed == 3u);
}

// --- drained in time ---

void drains_in_time(pool_fixture& f, std::size_t cap) {
  std::atomic<int> ended{0};
  auto naps = [](std::atomic<int>& count) -> task<> {
    co_await sleep_for(20ms);
    ++count;
  };
  task_group group(f.pool, {.max_in_flight = cap});
  for (int i = 0; i != 5; ++i)
    f.wait(group.spawn(naps, std::ref(ended)));
  f.wait(group.shutdown({.drain = 1h}));
  BOOST_TEST(ended == 5);
  BOOST_TEST(!group.is_cancelled());
  f.wait(group.shutdown({.drain = 1h})); // A second call has no further effect.
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::closed));
}

BOOST_AUTO_TEST_CASE(TestReleaseTimeout) { drains_in_time(*this, 10); }
BOOST_AUTO_TEST_CASE(TestDefaultPoolReleaseTimeout) {
  drains_in_time(*this, unlimited);
}

BOOST_AUTO_TEST_CASE(what_does_not_drain_in_time_is_cancelled) {
  // Here ants stops waiting and leaves the workers running.
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  task_group group(pool);
  wait(group.spawn(waits_and_counts(never, ended)));
  block_until([&] { return never.arrivals() == 1; });
  BOOST_CHECK_EXCEPTION(wait(group.shutdown({.drain = 1ms})),
                        boost::system::system_error,
                        has_code(asio::error::timed_out));
  BOOST_TEST(ended == 1);
}

// --- without a cap, options, many pools ---

BOOST_AUTO_TEST_CASE(TestInfinitePool) {
  std::atomic<int> calls{0};
  task_group group(pool);
  auto outer = [](task_group& g, std::atomic<int>& count) -> task<> {
    co_await g.spawn(counts(count));
  };
  BOOST_TEST(group.stats().available == unlimited);
  wait(group.spawn(outer, std::ref(group), std::ref(calls)));
  wait(group.wait_idle());
  BOOST_TEST(calls == 1);
  group.set_max_in_flight(3); // ants ignores it.
  BOOST_TEST(group.stats().available == 3u);
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(TestRestCodeCoverage) {
  BOOST_CHECK_EXCEPTION(task_group(pool, {.max_in_flight = 0}),
                        std::invalid_argument,
                        says("max_in_flight is 0"));
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 2});
  BOOST_TEST(group.max_in_flight() == 2u);
  BOOST_TEST(group.stats().available == 2u);
  wait(group.spawn(waits_for(door)));
  wait(group.spawn(waits_for(door)));
  BOOST_TEST(group.stats().in_flight == 2u);
  BOOST_TEST(group.stats().waiting == 0u);
  BOOST_TEST(group.stats().available == 0u);
  group.set_max_in_flight(2);
  group.set_max_in_flight(1); // No child is stopped.
  BOOST_TEST(group.max_in_flight() == 1u);
  BOOST_TEST(group.stats().in_flight == 2u);
  BOOST_TEST(group.stats().available == 0u); // ants: Free() is -1.
  BOOST_CHECK_EXCEPTION(group.set_max_in_flight(0),
                        std::invalid_argument,
                        says("is 0, must be at least 1"));
  door.open();
  wait(group.join());
}

// One group spreads over all threads; ants needs several pools for that.
BOOST_AUTO_TEST_CASE(TestMultiPool) {
  task_group group(pool, {.max_in_flight = 10});
  for (int round = 0; round != 2; ++round) {
    gate door(pool.get_executor());
    std::atomic<int> ended{0};
    auto fifty = [&]() -> task<> {
      for (int i = 0; i != 50; ++i)
        co_await group.spawn(waits_and_counts(door, ended));
    };
    auto all = co_spawn(pool.get_executor(), fifty(), asio::use_future);
    block_until([&] { return group.stats().in_flight == 10; });
    door.open();
    all.get();
    wait(group.shutdown({.drain = 1h}));
    BOOST_TEST(ended == 50);
    BOOST_TEST((group.try_spawn(returns()) == spawn_status::closed));
    group.reopen();
  }
}

// --- the examples ---

BOOST_AUTO_TEST_CASE(ExampleDefaultPool) {
  task_group group(pool);
  BOOST_TEST(sum_up(*this, group) == total);
}

BOOST_AUTO_TEST_CASE(ExamplePool) {
  task_group group(pool, {.max_in_flight = 10});
  BOOST_TEST(sum_up(*this, group) == total);
}

BOOST_AUTO_TEST_CASE(ExamplePoolWithFunc) {
  std::atomic<int> sum{0};
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 10});
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(adds, std::ref(sum), i);
    co_await group.join();
  };
  run(main());
  BOOST_TEST(sum == total);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
