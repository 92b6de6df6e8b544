// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>

#include "support/deterministic.hpp"
#include "support/on_scope_exit.hpp"
#include "support/says.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(testing_runtime, watched)

using boost::system::system_error;
using namespace std::chrono_literals;

namespace of_testing_runtime {

// Writes its letter three times; other tasks may run in between.
task<> writes(char letter, std::string& to) {
  for (int i = 0; i != 3; ++i) {
    to += letter;
    co_await checkpoint();
  }
}

task<std::string> written_by_four() {
  std::string text;
  auto body = [&](task_group& group) -> task<> {
    for (char letter = 'a'; letter != 'e'; ++letter)
      co_await group.spawn(writes(letter, text));
  };
  co_await with_task_group({}, body);
  co_return text;
}

} // namespace of_testing_runtime
using namespace of_testing_runtime;

BOOST_AUTO_TEST_CASE(run_returns_the_value) {
  deterministic_runtime runtime;
  int number = 7;
  auto by_value = [](int n) -> task<std::unique_ptr<int>> {
    co_await checkpoint();
    co_return std::make_unique<int>(n);
  };
  auto by_reference = [&]() -> task<int&> { co_return number; };

  BOOST_TEST(*runtime.run(by_value(5)) == 5);
  BOOST_TEST(&runtime.run(by_reference()) == &number);
}

BOOST_AUTO_TEST_CASE(run_throws_what_the_task_throws) {
  deterministic_runtime runtime;
  auto fails = []() -> task<> {
    co_await checkpoint();
    throw std::runtime_error("boom");
  };

  BOOST_CHECK_EXCEPTION(runtime.run(fails()), std::runtime_error, says("boom"));
  BOOST_TEST(runtime.run(written_by_four()).size() == 12u); // it still works
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_runs) {
  for (std::uint64_t seed = 0; seed != 50; ++seed) {
    deterministic_runtime one({.seed = seed});
    deterministic_runtime other({.seed = seed});
    BOOST_TEST(one.run(written_by_four()) == other.run(written_by_four()));
    BOOST_TEST(one.run(written_by_four()) == other.run(written_by_four()));
    BOOST_TEST(one.steps() == other.steps());
  }
}

BOOST_AUTO_TEST_CASE(different_seeds_give_different_runs) {
  const auto seen = outcomes(200, [](deterministic_runtime& runtime) {
    return runtime.run(written_by_four());
  });
  BOOST_TEST(seen.size() > 190u);
}

BOOST_AUTO_TEST_CASE(all_orders_of_three_tasks_are_seen) {
  const auto seen = outcomes(100, [](deterministic_runtime& runtime) {
    std::string order;
    auto notes = [&](char letter) -> task<> {
      order += letter;
      co_return;
    };
    auto body = [&](task_group& group) -> task<> {
      for (const char letter : {'a', 'b', 'c'})
        co_await group.spawn(notes(letter));
    };
    runtime.run(with_task_group({}, body));
    return order;
  });
  BOOST_TEST(seen.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_child_may_run_before_or_after_its_parent_goes_on) {
  const auto seen = outcomes(100, [](deterministic_runtime& runtime) {
    std::string order;
    auto child = [&]() -> task<> {
      order += 'c';
      co_return;
    };
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(child);
      order += 'p';
    };
    runtime.run(with_task_group({}, body));
    return order;
  });
  BOOST_TEST((seen == std::set<std::string>{"cp", "pc"}));
}

BOOST_AUTO_TEST_CASE(what_co_spawn_started_goes_on_in_the_next_run) {
  deterministic_runtime runtime;
  int ended = 0;
  auto slow = [&]() -> task<> {
    co_await sleep_for(1h);
    ++ended;
  };
  auto waits = [](std::chrono::minutes d) -> task<> { co_await sleep_for(d); };
  co_spawn(runtime.get_executor(), slow(), asio::detached);

  runtime.run(waits(59min));
  BOOST_TEST(ended == 0);
  runtime.run(waits(2min));
  BOOST_TEST(ended == 1);
  BOOST_TEST((runtime.elapsed() == 61min));
}

BOOST_AUTO_TEST_CASE(the_destructor_cancels_and_runs_to_the_end) {
  std::string seen;
  auto slow = [&]() -> task<> { // Outlives the runtime.
    try {
      co_await sleep_for(1h);
    } catch (const system_error& e) {
      seen = e.code() == asio::error::operation_aborted ? "aborted" : "other";
    }
  };
  {
    deterministic_runtime runtime;
    auto done = [&](std::exception_ptr) { seen += ", told"; };
    co_spawn(runtime.get_executor(), slow(), done);
    runtime.run(written_by_four());
  }
  BOOST_TEST(seen == "aborted, told");
}

BOOST_AUTO_TEST_CASE(the_step_limit_ends_a_program_that_does_not) {
  int destroyed = 0;
  auto forever = [&]() -> task<> {
    on_scope_exit mark([&] { ++destroyed; });
    for (;;)
      co_await checkpoint();
  };
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(forever);
    co_await group.spawn(forever);
  };
  deterministic_runtime runtime({.seed = 4711, .max_steps = 1000});

  try {
    runtime.run(with_task_group({}, body));
    BOOST_ERROR("it ended");
  } catch (const testing::step_limit_exceeded& e) {
    BOOST_TEST(e.what() ==
               "weir::testing: more than 1000 steps (seed 4711, after 0 s); "
               "deterministic_options::max_steps is the limit");
    BOOST_TEST(e.limit() == 1000u);
    BOOST_TEST(e.seed() == 4711u);
  }
  BOOST_TEST(runtime.steps() == 1000u);
  BOOST_TEST(destroyed == 2);
  BOOST_CHECK_EXCEPTION(
      runtime.run(forever()), system_error, has_code(errc::runtime_stopped));
}

BOOST_AUTO_TEST_CASE(a_program_may_take_exactly_the_limit) {
  deterministic_runtime measured;
  measured.run(written_by_four());
  const std::uint64_t steps = measured.steps();

  deterministic_runtime exact({.max_steps = steps});
  BOOST_TEST(exact.run(written_by_four()).size() == 12u);
  deterministic_runtime less({.max_steps = steps - 1});
  BOOST_CHECK_THROW(less.run(written_by_four()), testing::step_limit_exceeded);
}

BOOST_AUTO_TEST_CASE(a_nested_run_is_refused) {
  deterministic_runtime outer;
  deterministic_runtime inner;
  auto nests = [](deterministic_runtime& runtime) -> task<> {
    runtime.run(written_by_four());
    co_return;
  };

  for (deterministic_runtime* runtime : {&outer, &inner})
    BOOST_CHECK_EXCEPTION(
        outer.run(nests(*runtime)), system_error, [](const system_error& e) {
          return e.code() == errc::would_deadlock &&
                 says("deterministic_runtime::run: called while")(e);
        });
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  BOOST_CHECK_EXCEPTION(deterministic_runtime({.max_steps = 0}),
                        std::invalid_argument,
                        says("weir::testing::deterministic_runtime: max_steps "
                             "is 0, must be at least 1"));
  BOOST_CHECK_EXCEPTION(deterministic_runtime({.outside_grace = -1ms}),
                        std::invalid_argument,
                        says("outside_grace is -1 ms, must be at least 0 ms"));
  BOOST_CHECK_EXCEPTION(deterministic_runtime({.outside_limit = -2ms}),
                        std::invalid_argument,
                        says("outside_limit is -2 ms, must be at least 0 ms"));
  deterministic_runtime runtime;
  BOOST_CHECK_THROW(runtime.run(task<>()), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_task_may_stop_the_runtime) {
  int destroyed = 0;
  deterministic_runtime runtime;
  auto sleeps = [&]() -> task<> {
    on_scope_exit mark([&] { ++destroyed; });
    co_await sleep_for(1h);
  };
  auto stops = [&]() -> task<> {
    on_scope_exit mark([&] { ++destroyed; });
    co_await sleep_for(1s);
    runtime.stop();
    co_await checkpoint();
    ++destroyed;
  };
  co_spawn(runtime.get_executor(), sleeps(), asio::detached);

  BOOST_CHECK_EXCEPTION(
      runtime.run(stops()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(destroyed == 2);
}

BOOST_AUTO_TEST_CASE(the_step_hook_is_called_after_each_step) {
  deterministic_runtime runtime;
  std::uint64_t calls = 0;
  runtime.set_step_hook([&] { ++calls; });
  runtime.run(written_by_four());
  BOOST_TEST(calls == runtime.steps());

  runtime.set_step_hook([&] {
    if (runtime.steps() == calls + 3)
      throw std::logic_error("not true any more");
  });
  BOOST_CHECK_EXCEPTION(runtime.run(written_by_four()),
                        std::logic_error,
                        says("not true any more"));
  BOOST_TEST(runtime.steps() == calls + 3);
}

BOOST_AUTO_TEST_CASE(the_step_hook_may_stop_the_runtime) {
  deterministic_runtime runtime;
  runtime.set_step_hook([&] {
    if (runtime.steps() == 4)
      runtime.stop();
  });
  BOOST_CHECK_EXCEPTION(runtime.run(written_by_four()),
                        system_error,
                        has_code(errc::task_abandoned));
}

BOOST_AUTO_TEST_CASE(run_throws_what_escapes_a_detached_task) {
  auto fails = []() -> task<> {
    co_await checkpoint();
    throw std::runtime_error("nobody asked");
  };
  auto sleeps = []() -> task<> { co_await sleep_for(1s); };
  deterministic_runtime runtime;
  co_spawn(runtime.get_executor(), fails(), asio::detached);

  BOOST_CHECK_EXCEPTION(
      runtime.run(sleeps()), std::runtime_error, says("nobody asked"));
}

BOOST_AUTO_TEST_CASE(run_throws_what_a_handler_throws) {
  auto sleeps = []() -> task<> { co_await sleep_for(1s); };
  deterministic_runtime runtime;
  asio::post(runtime.get_executor(),
             [] { throw std::runtime_error("a handler"); });

  BOOST_CHECK_EXCEPTION(
      runtime.run(sleeps()), std::runtime_error, says("a handler"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
