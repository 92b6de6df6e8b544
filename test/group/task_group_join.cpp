// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Joining.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_join, pool_fixture)

using boost::system::system_error;

BOOST_AUTO_TEST_CASE(join_waits_for_every_child) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> ended{0};
      int ended_at_join = -1;
      auto child = [&]() -> task<> {
        for (int i = 0; i != 5; ++i)
          co_await checkpoint();
        ++ended;
      };
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        for (int i = 0; i != 100; ++i)
          co_await group.spawn(child);
        co_await group.join();
        ended_at_join = ended;
      };
      run(main());
      BOOST_TEST(ended_at_join == 100);
    }
  }
}

BOOST_AUTO_TEST_CASE(join_completes_when_the_frames_are_gone) {
  std::atomic<int> alive{0};
  int alive_at_join = 0;
  auto child = [](counted) -> task<> { co_await checkpoint(); };
  auto main = [&]() -> task<> {
    for (int round = 0; round != 100; ++round) {
      task_group group(pool);
      for (int i = 0; i != 10; ++i) {
        co_await group.spawn(child, counted(alive));
        co_await group.spawn(child(counted(alive)));
      }
      co_await group.join();
      alive_at_join += alive;
    }
  };
  run(main());
  BOOST_TEST(alive_at_join == 0);
}

BOOST_AUTO_TEST_CASE(join_before_any_spawn_completes_at_once) {
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.join();
  };
  run(main());
  task_group group(pool);
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(a_group_may_be_destroyed_without_spawn_or_join) {
  { task_group group(pool); }
  { task_group group(pool.get_executor(), {.max_in_flight = 3}); }
}

BOOST_AUTO_TEST_CASE(joining_again_has_the_same_outcome) {
  int threw = 0;
  int completed = 0;
  auto main = [&]() -> task<> {
    task_group fails(pool);
    co_await fails.spawn(fails_with("same"));
    task_group good(pool);
    co_await good.spawn(returns());
    for (int i = 0; i != 3; ++i) {
      try {
        co_await fails.join();
      } catch (const std::runtime_error& e) {
        threw += e.what() == std::string("same");
      }
      co_await good.join();
      ++completed;
    }
  };
  run(main());
  BOOST_TEST(threw == 3);
  BOOST_TEST(completed == 3);
}

BOOST_AUTO_TEST_CASE(joins_at_the_same_time_all_complete) {
  for (bool fails : {false, true}) {
    BOOST_TEST_CONTEXT("fails " << fails) {
      constexpr int joiners = 20;
      gate door(pool.get_executor());
      std::atomic<int> completed{0};
      std::atomic<int> threw{0};
      task_group group(pool);
      auto child = [&]() -> task<> {
        co_await door.wait();
        if (fails)
          throw std::runtime_error("to all");
      };
      auto joins = [&]() -> task<> {
        try {
          co_await group.join();
          ++completed;
        } catch (const std::runtime_error& e) {
          threw += says("to all")(e);
        }
      };
      wait(group.spawn(child));
      task_group waiters(pool);
      for (int i = 0; i != joiners; ++i)
        wait(waiters.spawn(joins));
      auto with_token = group.join()(asio::use_future);
      door.open();
      wait(waiters.join());
      BOOST_TEST(completed == (fails ? 0 : joiners));
      BOOST_TEST(threw == (fails ? joiners : 0));
      if (fails)
        BOOST_CHECK_EXCEPTION(
            with_token.get(), std::runtime_error, says("to all"));
      else
        with_token.get();
    }
  }
}

BOOST_AUTO_TEST_CASE(join_from_a_child_would_deadlock) {
  boost::system::error_code code;
  std::atomic<bool> went_on{false};
  auto child = [&](task_group& group) -> task<> {
    try {
      co_await group.join();
    } catch (const system_error& e) {
      code = e.code();
    }
    co_await checkpoint();
    went_on = true;
  };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  wait(group.join());
  BOOST_TEST(code == errc::would_deadlock);
  BOOST_TEST(went_on);
}

BOOST_AUTO_TEST_CASE(join_from_a_child_that_fails_with_it_ends_the_group) {
  auto child = [](task_group& group) -> task<> { co_await group.join(); };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), system_error, has_code(errc::would_deadlock));
}

BOOST_AUTO_TEST_CASE(a_child_may_join_another_group) {
  std::atomic<int> calls{0};
  auto child = [&](task_group& other) -> task<> {
    co_await other.spawn(counts(calls));
    co_await other.join();
    ++calls;
  };
  task_group other(pool);
  task_group group(pool);
  wait(group.spawn(child, std::ref(other)));
  wait(group.join());
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(join_counts_those_that_still_wait_for_a_slot) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  auto waiting = group.spawn(counts(calls))(asio::use_future);
  auto joined = group.join()(asio::use_future);
  door.open();
  joined.get();
  BOOST_TEST(calls == 1);
  waiting.get();
}

BOOST_AUTO_TEST_CASE(groups_can_be_made_and_joined_on_many_threads) {
  std::atomic<int> calls{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round != 100; ++round) {
        task_group group(pool, {.max_in_flight = 2});
        for (int i = 0; i != 5; ++i)
          wait(group.spawn(counts(calls)));
        wait(group.join());
      }
    });
  for (std::thread& t : threads)
    t.join();
  BOOST_TEST(calls == 4 * 100 * 5);
}

BOOST_AUTO_TEST_CASE(a_group_says_where_its_children_run) {
  task_group group(pool);
  BOOST_TEST((group.get_executor() == pool.get_executor()));
  wait(group.join());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
