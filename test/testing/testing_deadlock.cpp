// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>
#include <weir/named.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>

#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/says.hpp"

#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(testing_deadlock, watched)

using boost::system::system_error;
using namespace std::chrono_literals;

namespace of_testing_deadlock {

// The message of run(); "" if it succeeds.
std::string report(deterministic_runtime& runtime, task<> work) {
  try {
    runtime.run(std::move(work));
  } catch (const testing::deadlock& e) {
    return e.what();
  }
  return "";
}

task<> receives(channel<int>& from) { (void)co_await from.receive(); }

task<> acquires(limiter& from) { (void)co_await from.acquire(); }

} // namespace of_testing_deadlock
using namespace of_testing_deadlock;

BOOST_AUTO_TEST_CASE(a_deadlock_is_reported_with_the_tree) {
  deterministic_runtime runtime({.seed = 7});
  channel<int> empty(1);
  limiter taken(1);
  const permit held = *taken.try_acquire();
  auto inner = [&](task_group& group) -> task<> {
    co_await group.spawn(acquires(taken));
  };
  auto outer = [&](task_group& group) -> task<> {
    co_await group.spawn(named("reader", receives(empty)));
    co_await group.spawn(
        named("nested", with_task_group({.name = "inner"}, inner)));
    co_await sleep_for(30s);
    co_await group.spawn(receives(empty));
  };
  co_spawn(
      runtime.get_executor(), named("other", receives(empty)), asio::detached);

  const std::string text = report(
      runtime,
      named("main",
            with_task_group({.max_in_flight = 2, .name = "outer"}, outer)));
  BOOST_TEST(text ==
             "weir::testing: deadlock: everything waits and no timer is due "
             "(seed 7, step " +
                 std::to_string(runtime.steps()) +
                 ", after 30 s)\n"
                 "  task other waits: channel receive\n"
                 "  task main waits: spawn slot\n"
                 "    group outer: 2 in flight, at most 2, 1 wait to be "
                 "spawned\n"
                 "      task #0 reader waits: channel receive\n"
                 "      task #1 nested waits: group join\n"
                 "        group inner: 1 in flight\n"
                 "          task #0 (unnamed) waits: limiter\n");
}

BOOST_AUTO_TEST_CASE(
    groups_whose_children_wait_for_each_others_slots_are_named) {
  deterministic_runtime runtime;
  const executor ex = runtime.get_executor();
  std::string text;
  {
    task_group first(ex, {.max_in_flight = 1, .name = "first"});
    task_group second(ex, {.max_in_flight = 1, .name = "second"});
    auto none = []() -> task<> { co_return; };
    auto asks = [&](task_group& other) -> task<> {
      co_await sleep_for(1s); // Both hold their slots by then.
      co_await other.spawn(none);
    };
    auto main = [&]() -> task<> {
      co_await first.spawn(asks, std::ref(second));
      co_await second.spawn(asks, std::ref(first));
      co_await first.join();
      co_await second.join();
    };
    text = report(runtime, main());
  }
  for (const char* part :
       {"group first: 1 in flight, at most 1, 1 wait to be spawned",
        "group second: 1 in flight, at most 1, 1 wait to be spawned",
        "waits: spawn slot",
        "after 1 s"})
    BOOST_TEST((text.find(part) != std::string::npos),
               part << " is not in " << text);
}

BOOST_AUTO_TEST_CASE(a_group_that_no_task_made_stands_at_the_end) {
  deterministic_runtime runtime;
  channel<int> empty(1);
  std::string text;
  {
    task_group group(runtime.get_executor(), {.name = "outsider"});
    auto main = [&]() -> task<> {
      co_await group.spawn(receives(empty));
      co_await group.join();
    };
    text = report(runtime, main());
  }
  BOOST_CHECK(text.ends_with("  task (unnamed) waits: group join\n"
                             "  group outsider: 1 in flight\n"
                             "    task #0 (unnamed) waits: channel receive\n"));
}

BOOST_AUTO_TEST_CASE(the_tasks_are_destroyed_before_run_throws) {
  int destroyed = 0;
  deterministic_runtime runtime;
  channel<int> empty(1);
  auto waits = [&]() -> task<> {
    on_scope_exit mark([&] { ++destroyed; });
    (void)co_await empty.receive();
    ++destroyed;
  };
  auto body = [&](task_group& group) -> task<> {
    on_scope_exit mark([&] { ++destroyed; });
    co_await group.spawn(waits);
    co_await waits();
  };

  BOOST_CHECK_THROW(runtime.run(with_task_group({}, body)), testing::deadlock);
  BOOST_TEST(destroyed == 3);
  BOOST_CHECK_EXCEPTION(
      runtime.run(waits()), system_error, has_code(errc::runtime_stopped));
}

BOOST_AUTO_TEST_CASE(a_sleep_for_ever_is_a_deadlock) {
  deterministic_runtime runtime;
  auto sleeps = []() -> task<> {
    co_await sleep_until(clock::time_point::max());
  };
  BOOST_CHECK(report(runtime, sleeps())
                  .ends_with("(seed 1, step 2, after 0 s)\n"
                             "  task (unnamed) waits: sleep\n"));
}

BOOST_AUTO_TEST_CASE(a_timer_of_somebody_else_keeps_time_going) {
  deterministic_runtime runtime;
  channel<int> values(1);
  auto sends = [&]() -> task<> {
    co_await sleep_for(20h);
    co_await values.send(1);
  };
  co_spawn(runtime.get_executor(), sends(), asio::detached);
  BOOST_TEST(report(runtime, receives(values)) == "");
}

BOOST_AUTO_TEST_CASE(an_asio_operation_that_never_ends_is_waited_for_at_first) {
  deterministic_runtime runtime({.outside_limit = 5ms});
  gate never(runtime.get_executor());
  auto waits = [&]() -> task<> { co_await never.wait(); };

  const auto begin = std::chrono::steady_clock::now();
  BOOST_CHECK(report(runtime, waits())
                  .ends_with("  task (unnamed) waits: an Asio operation\n"));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 5ms));
}

BOOST_AUTO_TEST_CASE(a_task_that_throws_at_the_end_hides_no_deadlock) {
  // Frames are destroyed, not resumed: code that would throw does not run.
  deterministic_runtime runtime;
  channel<int> empty(1);
  auto waits = [&]() -> task<> {
    try {
      (void)co_await empty.receive();
    } catch (...) {
      throw std::runtime_error("not reached");
    }
  };
  BOOST_CHECK_THROW(runtime.run(waits()), testing::deadlock);
}

BOOST_AUTO_TEST_CASE(the_destructor_gives_up_on_a_deadlock) {
  int destroyed = 0;
  channel<int> empty(1);
  {
    deterministic_runtime runtime;
    auto deaf = [&]() -> task<> {
      on_scope_exit mark([&] { ++destroyed; });
      co_await asio::this_coro::reset_cancellation_state(
          asio::disable_cancellation());
      (void)co_await empty.receive();
      ++destroyed;
    };
    auto returns = []() -> task<> { co_await sleep_for(1s); };
    co_spawn(runtime.get_executor(), deaf(), asio::detached);
    runtime.run(returns());
  }
  BOOST_TEST(destroyed == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
