// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Broken preconditions and unhandled exceptions end the process, with a
// message. Each case does so in a child process.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/named.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/death.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(process_end)

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

void park(weir::runtime& pool, task_group& group) {
  auto sleeps = []() -> task<> { co_await sleep_for(std::chrono::hours(1)); };
  group.spawn(named("cat.png", sleeps()))(asio::use_future).get();
  auto later = []() -> task<> { co_return; };
  pool.run(later()); // On the only thread, after the first has suspended.
}

BOOST_AUTO_TEST_CASE(a_group_destroyed_with_children_in_flight_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    task_group group(pool, {.name = "uploads"});
    park(pool, group);
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed) {
    BOOST_TEST(contains(end.printed, "task_group"));
    BOOST_TEST(contains(end.printed, "uploads"));
    BOOST_TEST(contains(end.printed, "1 tasks in flight"));
    BOOST_TEST(contains(end.printed, "task cat.png"));
  }
}

BOOST_AUTO_TEST_CASE(the_message_names_the_children_and_counts_the_others) {
  for (bool any_named : {true, false}) {
    const auto end = run_in_child([&] {
      weir::runtime pool(1);
      auto sleeps = []() -> task<> {
        co_await sleep_for(std::chrono::hours(1));
      };
      task_group group(pool, {.name = "uploads"});
      for (int i = 0; i != 3; ++i)
        group.spawn(sleeps())(asio::use_future).get();
      if (any_named)
        for (const char* name : {"cat.png", "dog.png"})
          group.spawn(named(name, sleeps()))(asio::use_future).get();
      pool.run(returns()); // On the only thread, after all have suspended.
    });
    BOOST_TEST(end.signal == SIGABRT);
    BOOST_TEST_CONTEXT("printed: " << end.printed) {
      BOOST_TEST(contains(end.printed, "task cat.png\n") == any_named);
      BOOST_TEST(contains(end.printed, "task dog.png\n") == any_named);
      BOOST_TEST(contains(end.printed,
                          any_named ? "    3 more tasks without a name"
                                    : "    3 tasks without a name"));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_when_a_task_is_left_by_an_exception) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    auto main = [&]() -> task<> {
      task_group group(pool);
      auto sleeps = []() -> task<> {
        co_await sleep_for(std::chrono::hours(1));
      };
      co_await group.spawn(sleeps);
      throw 1;
    };
    pool.run(main());
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed)
  BOOST_TEST(contains(end.printed, "task_group"));
}

BOOST_AUTO_TEST_CASE(a_group_that_was_joined_does_not) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    task_group group(pool);
    park(pool, group);
    group.cancel();
    group.join()(asio::use_future).get();
  });
  BOOST_TEST(end.signal == 0);
  BOOST_TEST(end.status == 0);
  BOOST_TEST(end.printed == "");
}

BOOST_AUTO_TEST_CASE(
    one_destroyed_while_somebody_waits_for_its_stop_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    task_group group(pool, {.name = "uploads"});
    group.wait_stopping()(asio::detached);
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed) {
    BOOST_TEST(contains(end.printed, "uploads"));
    BOOST_TEST(contains(end.printed, "wait_stopping()"));
  }
}

BOOST_AUTO_TEST_CASE(an_error_hook_that_throws_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    task_group group(pool);
    group.set_error_hook([](const task_failure&) { throw 1; });
    group.spawn(fails_with("boom"))(asio::use_future).get();
    group.join()(asio::use_future).get();
  });
  BOOST_TEST(end.signal == SIGABRT);
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_detached_task_terminates_by_default) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    weir::co_spawn(pool, fails_with("nobody looks"), asio::detached);
    for (;;)
      pool.run(returns());
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed)
  BOOST_TEST(contains(end.printed, "nobody looks"));
}

BOOST_AUTO_TEST_CASE(so_does_one_of_no_std_type) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    auto throws = []() -> task<> {
      throw 1;
      co_return;
    };
    weir::co_spawn(pool, throws(), asio::detached);
    for (;;)
      pool.run(returns());
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST(end.printed != "");
}

BOOST_AUTO_TEST_CASE(a_posted_function_that_throws_ends_the_process) {
  for (bool to_a_task : {false, true}) {
    BOOST_TEST_CONTEXT("to a task " << to_a_task) {
      const auto end = run_in_child([&] {
        weir::runtime pool(1);
        auto own = []() -> task<executor> {
          co_return co_await asio::this_coro::executor;
        };
        std::optional<executor> ex(pool.get_executor());
        if (to_a_task)
          ex.emplace(pool.run(own()));
        asio::post(*ex, [] { throw 1; });
        for (;;)
          pool.run(returns());
      });
      BOOST_TEST(end.signal == SIGABRT);
    }
  }
}

// Takes 10.5 s, and sleeps nearly all that time.
BOOST_AUTO_TEST_CASE(a_runtime_that_waits_long_says_for_whom) {
  const auto end = run_in_child([] {
    auto sleeps = []() -> task<> {
      co_await sleep_for(std::chrono::milliseconds(10'500));
    };
    std::atomic<bool> begun{false};
    auto stubborn = [&]() -> task<> {
      co_await checkpoint(); // The group has it in its list from here on.
      begun = true;
      co_await shield(sleeps());
    };
    weir::runtime pool(1);
    auto groups = [&]() -> task<> {
      co_await with_task_group(
          {.name = "thumbnails"}, [&](task_group& group) -> task<> {
            co_await group.spawn(named("dog.png", stubborn()));
          });
    };
    weir::co_spawn(pool, named("upload", groups()), asio::detached);
    block_until([&] { return begun.load(); });
  });
  BOOST_TEST(end.signal == 0);
  BOOST_TEST_CONTEXT("printed: " << end.printed) {
    BOOST_TEST(contains(end.printed, "task upload"));
    BOOST_TEST(contains(end.printed, "group thumbnails"));
    BOOST_TEST(contains(end.printed, "task dog.png"));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
