// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The suite of sourcegraph/conc: WaitGroup, panics, Pool, ErrorPool. Each case
// bears the name of the one it was ported from.

#include <weir/checkpoint.hpp>
#include <weir/named.hpp>
#include <weir/result_group.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/conformance.hpp"
#include "support/gate.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(conc, conformance)

// A conc.WaitGroup lets all tasks run to their end.
constexpr task_group_options wait_group{.errors = on_error::keep_going};

BOOST_AUTO_TEST_CASE(WaitGroup_ctor) {
  task_group group(pool);
  BOOST_TEST(!error_of(group.join()));
}

BOOST_AUTO_TEST_CASE(WaitGroup_all_spawned_run) {
  std::atomic<int> count{0};
  task_group group(pool, wait_group);
  for (int i = 0; i != 100; ++i)
    wait(group.spawn(counts(count)));
  wait(group.join());
  BOOST_TEST(count == 100);
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_is_propagated) {
  task_group group(pool, wait_group);
  wait(group.spawn(fails_with("super bad thing")));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), std::runtime_error, says("super bad thing"));
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_one_is_propagated) {
  task_group group(pool, wait_group);
  wait(group.spawn(fails_with("super bad thing")));
  wait(group.spawn(fails_with("super badder thing")));
  BOOST_TEST(text_of(error_of(group.join())).starts_with("super bad"));
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_non_panics_do_not_overwrite_panic) {
  task_group group(pool, wait_group);
  wait(group.spawn(fails_with("super bad thing")));
  for (int i = 0; i != 10; ++i)
    wait(group.spawn(returns()));
  BOOST_TEST(text_of(error_of(group.join())) == "super bad thing");
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_non_panics_run_successfully) {
  std::atomic<int> count{0};
  task_group group(pool, wait_group);
  wait(group.spawn(counts(count)));
  wait(group.spawn(fails_with("super bad thing")));
  wait(group.spawn(counts(count)));
  BOOST_TEST(text_of(error_of(group.join())) == "super bad thing");
  BOOST_TEST(count == 2);
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_is_caught_by_waitandrecover) {
  task_group group(pool, wait_group);
  wait(group.spawn(fails_with("super bad thing")));
  const std::exception_ptr recovered = error_of(group.join());
  BOOST_TEST(text_of(recovered) == "super bad thing");
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_one_is_caught_by_waitandrecover) {
  task_group group(pool, wait_group);
  wait(group.spawn(fails_with("super bad thing")));
  wait(group.spawn(fails_with("super badder thing")));
  BOOST_TEST(text_of(error_of(group.join())).starts_with("super bad"));
}

BOOST_AUTO_TEST_CASE(WaitGroup_panic_nonpanics_run_with_waitandrecover) {
  std::atomic<int> count{0};
  task_group group(pool, wait_group);
  wait(group.spawn(counts(count)));
  wait(group.spawn(fails_with("super bad thing")));
  wait(group.spawn(counts(count)));
  BOOST_TEST(static_cast<bool>(error_of(group.join())));
  BOOST_TEST(count == 2);
}

// A result does what a panics.Catcher does: it holds what was thrown.
BOOST_AUTO_TEST_CASE(Catcher_error) {
  struct custom : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  result_group<int> group(pool, wait_group);
  auto throws = []() -> task<int> {
    throw custom("error");
    co_return 0;
  };
  wait(group.spawn(throws));
  const auto caught = wait(group.join());
  BOOST_CHECK_THROW((void)caught[0].value(), custom);
}

BOOST_AUTO_TEST_CASE(Catcher_not_error) {
  result_group<int> group(pool, wait_group);
  auto throws = []() -> task<int> {
    throw 42; // no std::exception
    co_return 0;
  };
  wait(group.spawn(throws));
  const auto caught = wait(group.join());
  BOOST_CHECK_EXCEPTION(
      (void)caught[0].value(), int, [](int n) { return n == 42; });
}

BOOST_AUTO_TEST_CASE(Catcher_repanic_panics) {
  result_group<int> group(pool, wait_group);
  wait(group.spawn(fails("error")));
  const auto caught = wait(group.join());
  for (int i = 0; i != 2; ++i)
    BOOST_CHECK_EXCEPTION(
        (void)caught[0].value(), std::runtime_error, says("error"));
}

BOOST_AUTO_TEST_CASE(Catcher_repanic_does_not_panic_without_child_panic) {
  result_group<int> group(pool, wait_group);
  wait(group.spawn(gives(1)));
  BOOST_TEST(wait(group.join())[0].value() == 1);
}

BOOST_AUTO_TEST_CASE(Catcher_is_goroutine_safe) {
  task_group group(pool, wait_group);
  for (int i = 0; i != 100; ++i)
    wait(group.spawn(fails_with(i == 50 ? "50" : "another")));
  BOOST_TEST(!text_of(error_of(group.join())).empty());
  BOOST_TEST(group.stats().failed == 100u);
}

BOOST_AUTO_TEST_CASE(RecoveredAsError_as_error_is_nil) {
  const result<int> nothing(std::in_place, 0);
  BOOST_TEST(!nothing.error());
}

BOOST_AUTO_TEST_CASE(RecoveredAsError_as_error_is_not_nil) {
  const result<int> caught(std::make_exception_ptr(std::runtime_error("help")));
  BOOST_TEST(text_of(caught.error()) == "help");
}

BOOST_AUTO_TEST_CASE(Try_panics) {
  task_group group(pool, wait_group);
  wait(group.spawn(fails_with("panic")));
  BOOST_TEST(text_of(error_of(group.join())) == "panic");
}

BOOST_AUTO_TEST_CASE(Try_no_panic) {
  task_group group(pool, wait_group);
  wait(group.spawn(returns()));
  BOOST_TEST(!error_of(group.join()));
}

BOOST_AUTO_TEST_CASE(ExampleCatcher) {
  result_group<int> group(pool, wait_group);
  int i = 0;
  auto counts_then_throws = [&]() -> task<int> {
    ++i;
    throw std::runtime_error("abort!");
    co_return 0;
  };
  wait(group.spawn(counts_then_throws));
  BOOST_TEST(text_of(wait(group.join())[0].error()) == "abort!");
  BOOST_TEST(i == 1);
}

BOOST_AUTO_TEST_CASE(ExampleCatcher_callers) {
  // The name says which task it was.
  task_group group(pool, {.errors = collect(1)});
  wait(group.spawn(named("fetch", fails_with("mayday!"))));
  BOOST_TEST(
      says("fetch")(std::runtime_error(text_of(error_of(group.join())))));
}

BOOST_AUTO_TEST_CASE(ExampleCatcher_error) {
  result_group<int> group(pool, wait_group);
  wait(group.spawn(fails("help")));
  try {
    (void)wait(group.join())[0].value();
  } catch (const std::runtime_error& e) {
    BOOST_TEST(std::string(e.what()) == "help");
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
