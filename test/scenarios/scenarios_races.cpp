// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Ends, failures and cancellations at the same time. Each case sees every
// outcome that is allowed, and no other.

#include <weir/checkpoint.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/at_once.hpp"
#include "support/counted.hpp"
#include "support/deterministic.hpp"
#include "support/hold.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(scenarios_races)

using boost::system::system_error;
using namespace std::chrono_literals;

using results = std::set<std::string>;

BOOST_FIXTURE_TEST_CASE(
    children_that_end_on_many_threads_at_once_wake_join_once, pool_of<4>) {
  constexpr int children = 4; // as many as threads
  constexpr int joiners = 3;
  for (int round = 0; round != (sanitized ? 100 : 1000); ++round) {
    std::atomic<int> met{0};
    std::atomic<int> ended{0};
    std::atomic<int> early{0};
    std::atomic<int> woken{0};
    auto meets = [&]() -> task<> {
      ++met;
      block_until([&] { return met == children; });
      ++ended;
      co_return;
    };
    auto joined = [&](const std::exception_ptr&) {
      early += ended != children;
      ++woken;
    };
    {
      task_group group(pool);
      for (int i = 0; i != children; ++i)
        BOOST_TEST_REQUIRE((group.try_spawn(meets) == spawn_status::started));
      for (int i = 0; i != joiners; ++i)
        group.join()(joined);
      wait(group.join());
      BOOST_TEST_REQUIRE(group.stats().completed == 4u);
    }
    block_until([&] { return woken == joiners; });
    run(returns());
    BOOST_TEST_REQUIRE(woken == joiners);
    BOOST_TEST_REQUIRE(early == 0);
  }
}

BOOST_FIXTURE_TEST_CASE(a_child_spawned_beside_a_failure_never_runs_uncancelled,
                        watched) {
  auto program = [](deterministic_runtime& runtime) -> std::string {
    bool began = false;
    bool began_late = false;
    bool went_on = false;
    bool refused = false;
    task_group group(runtime.get_executor());
    auto fails = []() -> task<> {
      co_await checkpoint();
      throw std::runtime_error("boom");
    };
    auto child = [&]() -> task<> {
      began = true;
      began_late = group.is_cancelled();
      co_await sleep_for(1h);
      went_on = true;
    };
    auto main = [&]() -> task<> {
      co_await group.spawn(fails);
      co_await checkpoint();
      try {
        co_await group.spawn(child);
      } catch (const system_error&) {
        refused = true;
      }
      co_await group.join();
    };
    BOOST_CHECK_THROW(runtime.run(main()), std::runtime_error);
    if (went_on || began_late || (refused && began))
      return "ran uncancelled";
    return refused ? "refused" : began ? "cut off" : "never began";
  };
  BOOST_TEST(
      (outcomes(500, program) == results{"refused", "cut off", "never began"}));
}

BOOST_FIXTURE_TEST_CASE(a_child_cancelled_as_it_starts_never_runs_or_is_cut_off,
                        watched) {
  auto program = [](deterministic_runtime& runtime) -> std::string {
    bool began = false;
    bool went_on = false;
    task_group group(runtime.get_executor());
    auto child = [&]() -> task<> {
      began = true;
      co_await sleep_for(1h);
      went_on = true;
    };
    auto main = [&]() -> task<> {
      co_await group.spawn(child);
      group.cancel();
      co_await group.join();
    };
    runtime.run(main());
    if (went_on || group.stats().cancelled != 1)
      return "went on";
    return began ? "cut off" : "never began";
  };
  BOOST_TEST((outcomes(100, program) == results{"cut off", "never began"}));
}

BOOST_FIXTURE_TEST_CASE(a_start_and_a_cancel_on_two_threads_go_either_way,
                        pool_fixture) {
  int refused = 0;
  int unstarted = 0;
  int cut_off = 0;
  for (int round = 0;
       round != 300 && (unstarted < 5 || cut_off < 5 || refused < 5);
       ++round) {
    std::atomic<bool> began{false};
    std::atomic<bool> went_on{false};
    auto child = [&]() -> task<> {
      began = true;
      co_await sleep_until(clock::time_point::max());
      went_on = true;
    };
    // In a third of the rounds the child cannot begin in time, and in another
    // third it has begun or is refused, however busy the machine is.
    auto threads = std::make_shared<hold>();
    if (round % 3 == 1) {
      for (int i = 0; i != 2; ++i)
        asio::post(pool.get_executor(), [threads] { threads->block(); });
      block_until([&] { return threads->arrivals() == 2; });
    }
    task_group group(pool);
    spawn_status status{};
    at_once(
        round,
        [&] { status = group.try_spawn(child); },
        [&] {
          if (round % 3 == 0)
            block_until([&] { return began || group.stats().spawned == 0; });
          group.cancel();
        });
    threads->release();
    wait(group.join());
    BOOST_TEST_REQUIRE(!went_on);
    if (status == spawn_status::cancelled) {
      BOOST_TEST_REQUIRE(!began);
      ++refused;
      continue;
    }
    BOOST_TEST_REQUIRE(group.stats().cancelled == 1u);
    ++(began ? cut_off : unstarted);
  }
}

// A running task holds its strand, and a cancellation of it waits.
BOOST_FIXTURE_TEST_CASE(a_cancel_queued_behind_the_end_of_its_child_is_nothing,
                        pool_fixture) {
  std::atomic<int> alive{0};
  for (int round = 0; round != (sanitized ? 50 : 500); ++round) {
    std::atomic<bool> running{false};
    std::atomic<bool> cancelled{false};
    auto child = [&](counted) -> task<> {
      co_await checkpoint(); // The group has it in its list from here on.
      running = true;
      block_until([&] { return cancelled.load(); });
    };
    task_group group(pool);
    wait(group.spawn(child, counted(alive)));
    block_until([&] { return running.load(); });
    group.cancel();
    cancelled = true;
    wait(group.join());
    BOOST_TEST_REQUIRE(group.stats().completed == 1u);
    BOOST_TEST_REQUIRE(alive == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
