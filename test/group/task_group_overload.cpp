// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// max_waiting, and what stats() says is available.

#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <future>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_overload, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(a_spawn_is_refused_when_as_many_wait_as_may) {
  for (std::size_t most : {0u, 1u, 3u}) {
    BOOST_TEST_CONTEXT("max_waiting " << most) {
      gate door(pool.get_executor());
      std::atomic<int> alive{0};
      std::atomic<int> calls{0};
      auto child = [&](counted) -> task<> {
        ++calls;
        co_return;
      };
      task_group group(pool, {.max_in_flight = 1, .max_waiting = most});
      wait(group.spawn(waits_for(door)));
      std::vector<std::future<void>> waiting;
      for (std::size_t i = 0; i != most; ++i)
        waiting.push_back(group.spawn(child, counted(alive))(asio::use_future));
      for (int i = 0; i != 2; ++i)
        BOOST_CHECK_EXCEPTION(wait(group.spawn(child, counted(alive))),
                              system_error,
                              has_code(errc::overloaded));
      BOOST_TEST(alive == static_cast<int>(most));
      BOOST_TEST(group.stats().waiting == most);
      BOOST_TEST(group.stats().rejected == 2u);
      BOOST_TEST(!group.is_cancelled());
      door.open();
      for (auto& spawned : waiting)
        spawned.get();
      wait(group.join());
      BOOST_TEST(calls == static_cast<int>(most));
    }
  }
}

BOOST_AUTO_TEST_CASE(one_that_leaves_the_queue_makes_room_for_another) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1, .max_waiting = 1});
  wait(group.spawn(waits_for(door)));
  auto asks = [&]() -> task<> { co_await group.spawn(counts(calls)); };
  task_group leaves(pool);
  wait(leaves.spawn(asks));
  block_until([&] { return group.stats().waiting == 1; });
  BOOST_CHECK_EXCEPTION(wait(group.spawn(counts(calls))),
                        system_error,
                        has_code(errc::overloaded));
  leaves.cancel();
  wait(leaves.join());
  auto waiting = group.spawn(counts(calls))(asio::use_future);
  BOOST_TEST(group.stats().waiting == 1u);
  door.open();
  waiting.get();
  wait(group.join());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_free_slot_is_given_whatever_may_wait) {
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1, .max_waiting = 0});
  for (int i = 0; i != 100; ++i) {
    wait(group.spawn(counts(calls)));
    block_until([&] { return group.stats().in_flight == 0; });
  }
  wait(group.join());
  BOOST_TEST(calls == 100);
}

BOOST_AUTO_TEST_CASE(a_child_that_lends_its_slot_is_never_refused) {
  std::atomic<int> calls{0};
  auto child = [&](task_group& group) -> task<> {
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(counts(calls));
  };
  task_group group(pool, {.max_in_flight = 1, .max_waiting = 0});
  wait(group.spawn(child, std::ref(group)));
  wait(group.join());
  BOOST_TEST(calls == 3);
  BOOST_TEST(group.stats().rejected == 0u);
}

BOOST_AUTO_TEST_CASE(try_spawn_says_full_as_ever) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1, .max_waiting = 0});
  wait(group.spawn(waits_for(door)));
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  door.open();
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(closed_and_cancelled_are_said_before_overloaded) {
  gate never(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1, .max_waiting = 0});
  wait(group.spawn(waits_for(never)));
  group.cancel();
  BOOST_CHECK_EXCEPTION(wait(group.spawn(returns())),
                        system_error,
                        has_code(asio::error::operation_aborted));
  wait(group.join());
  BOOST_CHECK_EXCEPTION(
      wait(group.spawn(returns())), system_error, has_code(errc::group_closed));
}

BOOST_AUTO_TEST_CASE(spawns_at_once_wait_or_are_refused_and_none_is_lost) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  std::atomic<int> refused{0};
  task_group group(pool, {.max_in_flight = 2, .max_waiting = 5});
  std::atomic<int> asked{0};
  auto asks = [&]() -> task<> {
    try {
      auto child = [&]() -> task<> {
        co_await door.wait();
        ++calls;
      };
      co_await group.spawn(child);
    } catch (const system_error& e) {
      refused += e.code() == errc::overloaded;
    }
    ++asked;
  };
  task_group askers(pool);
  for (int i = 0; i != 200; ++i)
    wait(askers.spawn(asks));
  block_until([&] { return asked == 195; });
  BOOST_TEST(group.stats().waiting == 5u);
  door.open();
  wait(askers.join());
  wait(group.join());
  BOOST_TEST(refused == 193);
  BOOST_TEST(calls == 7);
}

BOOST_AUTO_TEST_CASE(available_counts_free_slots_and_is_never_negative) {
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 3});
  BOOST_TEST(group.stats().available == 3u);
  wait(group.spawn(waits_for(door)));
  BOOST_TEST(group.stats().available == 2u);
  wait(group.spawn(waits_for(door)));
  wait(group.spawn(waits_for(door)));
  BOOST_TEST(group.stats().available == 0u);
  group.set_max_in_flight(1);
  BOOST_TEST(group.stats().available == 0u);
  group.set_max_in_flight(unlimited);
  BOOST_TEST(group.stats().available == unlimited);
  group.set_max_in_flight(unlimited - 1);
  BOOST_TEST(group.stats().available == unlimited - 4);
  door.open();
  wait(group.join());
  BOOST_TEST(group.stats().available == unlimited - 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
