// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The contract of a group, each case over a thousand orders.

#include <weir/as_stopped.hpp>
#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/limiter.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/explore_seeds.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/deterministic.hpp"
#include "support/high_water.hpp"
#include "support/on_scope_exit.hpp"
#include "support/says.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <set>
#include <stdexcept>
#include <string>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(testing_groups, watched)

using boost::system::system_error;
using testing::explore_seeds;
using namespace std::chrono_literals;

namespace of_testing_groups {

constexpr int seeds = 1000;

// In the body of explore_seeds(): a failure names the seed.
void require(bool holds, const char* what) {
  if (!holds)
    throw std::logic_error(what);
}

// How `work` ends.
std::string ending(deterministic_runtime& runtime, task<> work) {
  try {
    runtime.run(std::move(work));
  } catch (const system_error& e) {
    if (e.code() == asio::error::operation_aborted)
      return "aborted";
    return e.code() == asio::error::timed_out ? "timed out" : e.what();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "well";
}

task<> steps(int n) {
  for (; n != 0; --n)
    co_await checkpoint();
}

} // namespace of_testing_groups
using namespace of_testing_groups;

BOOST_AUTO_TEST_CASE(a_cap_holds_in_every_order) {
  std::set<std::size_t> peaks;
  explore_seeds(seeds, [&](deterministic_runtime& runtime) {
    high_water inside;
    int ended = 0;
    auto child = [&](int n) -> task<> {
      inside.enter();
      co_await steps(n % 3);
      inside.leave();
      ++ended;
    };
    auto body = [&](task_group& group) -> task<> {
      for (int i = 0; i != 8; ++i)
        co_await group.spawn(child, i);
      peaks.insert(group.stats().peak);
    };
    runtime.run(with_task_group({.max_in_flight = 3}, body));
    require(ended == 8, "a child is missing");
    require(inside.peak() <= 3, "too many at once");
  });
  BOOST_TEST(peaks.contains(3u));
  BOOST_TEST(!peaks.contains(4u));
}

BOOST_AUTO_TEST_CASE(waiting_spawns_are_served_in_order) {
  explore_seeds(seeds, [&](deterministic_runtime& runtime) {
    std::string asked;
    std::string started;
    task_group group(runtime.get_executor(), {.max_in_flight = 1});
    auto child = [&](char letter) -> task<> {
      started += letter;
      co_await checkpoint();
    };
    auto spawner = [&](char letter) -> task<> {
      co_await steps(letter % 4);
      asked += letter;
      co_await group.spawn(child, letter);
    };
    auto spawners = [&](task_group& outer) -> task<> {
      for (char letter = 'a'; letter != 'f'; ++letter)
        co_await outer.spawn(spawner, letter);
    };
    auto main = [&]() -> task<> {
      co_await with_task_group({}, spawners);
      co_await group.join();
    };
    runtime.run(main());
    require(started == asked, "not first come, first served");
  });
}

BOOST_AUTO_TEST_CASE(the_first_error_wins_and_ends_the_others) {
  std::set<std::string> seen;
  explore_seeds(seeds, [&](deterministic_runtime& runtime) {
    std::string first;
    int alive = 0;
    auto fails = [&](std::string what, int n) -> task<> {
      co_await steps(n);
      if (first.empty())
        first = what;
      throw std::runtime_error(what);
    };
    auto waits = [&]() -> task<> {
      ++alive;
      on_scope_exit gone([&] { --alive; });
      co_await sleep_for(1h);
    };
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(waits);
      co_await group.spawn(fails("one", 2));
      co_await group.spawn(fails("two", 1));
      co_await sleep_for(1h);
    };
    const std::string end = ending(runtime, with_task_group({}, body));
    require(end == first, "another error than the first");
    require(alive == 0, "a child is left");
    require(runtime.elapsed() == 0s, "somebody slept on");
    seen.insert(end);
  });
  BOOST_TEST((seen == std::set<std::string>{"one", "two"}));
}

BOOST_AUTO_TEST_CASE(a_cancelled_group_ends_at_once_in_both_forms) {
  std::set<std::string> seen;
  for (const on_cancel form : {on_cancel::raise, on_cancel::unwind})
    explore_seeds(seeds, [&](deterministic_runtime& runtime) {
      int alive = 0;
      int aborted = 0;
      int finished = 0;
      auto child = [&]() -> task<> {
        ++alive;
        on_scope_exit gone([&] { --alive; });
        try {
          co_await steps(3);
          ++finished;
        } catch (const system_error&) {
          ++aborted;
          throw;
        }
      };
      auto body = [&](task_group& group) -> task<> {
        for (int i = 0; i != 4; ++i)
          co_await group.spawn(child);
        co_await checkpoint();
        group.cancel();
      };
      const std::string end = ending(
          runtime,
          with_task_group({.max_in_flight = 3, .cancellation = form}, body));
      require(end == "well", "a cancel() of one's own is no error");
      require(alive == 0, "a child is left");
      require(form == on_cancel::raise || aborted == 0,
              "unwound, and resumed all the same");
      seen.insert(std::to_string(finished) + " of 4");
    });
  BOOST_TEST(seen.size() == 4u); // from one to all of them had finished
}

BOOST_AUTO_TEST_CASE(children_that_spawn_make_progress_at_any_cap) {
  for (const std::size_t cap : {1u, 2u})
    explore_seeds(seeds, [&](deterministic_runtime& runtime) {
      int ended = 0;
      task_group group(runtime.get_executor(), {.max_in_flight = cap});
      struct visitor {
        static task<> visit(task_group& to, int depth, int& ended) {
          if (depth != 0) {
            co_await to.spawn(visit(to, depth - 1, ended));
            co_await checkpoint();
            co_await to.spawn(visit(to, depth - 1, ended));
          }
          ++ended;
        }
      };
      auto main = [&]() -> task<> {
        co_await group.spawn(visitor::visit(group, 3, ended));
        co_await group.join();
      };
      runtime.run(main());
      require(ended == 15, "a child is missing");
    });
}

BOOST_AUTO_TEST_CASE(a_raised_or_lowered_cap_loses_no_child) {
  explore_seeds(seeds, [&](deterministic_runtime& runtime) {
    int ended = 0;
    task_group group(runtime.get_executor(), {.max_in_flight = 1});
    auto child = [&]() -> task<> {
      co_await checkpoint();
      ++ended;
    };
    auto resizes = [&]() -> task<> {
      for (const std::size_t cap : {3u, 1u, 2u, 1u}) {
        co_await checkpoint();
        group.set_max_in_flight(cap);
      }
    };
    auto main = [&]() -> task<> {
      co_await group.spawn(resizes);
      for (int i = 0; i != 6; ++i)
        co_await group.spawn(child);
      co_await group.join();
    };
    runtime.run(main());
    require(ended == 6, "a child is missing");
  });
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_nested_groups_and_channels) {
  std::set<std::string> seen;
  explore_seeds(seeds, [&](deterministic_runtime& runtime) {
    channel<int> values(1);
    limiter permits(1);
    int sent = 0;
    int received = 0;
    auto sends = [&](int n) -> task<> {
      const permit held = co_await permits.acquire();
      co_await sleep_for(10s);
      ++sent; // before it is received
      co_await values.send(n);
    };
    auto inner = [&](task_group& group) -> task<> {
      for (int i = 0; i != 3; ++i)
        co_await group.spawn(sends, i);
    };
    auto outer = [&](task_group& group) -> task<> {
      co_await group.spawn(with_task_group({}, inner));
      while (received != 3) {
        (void)co_await values.receive();
        ++received;
      }
    };
    auto timed = [&]() -> task<> {
      co_await with_timeout(30s, with_task_group({}, outer));
    };
    seen.insert(ending(runtime, timed()));
    require(sent >= received, "received what was not sent");
    require(permits.in_use() == 0, "a permit is lost");
    require(runtime.elapsed() == 30s, "late");
  });
  BOOST_TEST((seen == std::set<std::string>{"well", "timed out"}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
