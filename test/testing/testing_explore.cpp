// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/explore_seeds.hpp>
#include <weir/testing/seed_failure.hpp>
#include <weir/with_task_group.hpp>

#include "support/deterministic.hpp"
#include "support/says.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

namespace of_testing_explore {

// Sets WEIR_SEED, or removes it, for a while.
class seed_variable final {
public:
  explicit seed_variable(const char* value) {
    if (const char* before = std::getenv("WEIR_SEED"))
      before_ = before;
    set(value);
  }
  seed_variable(const seed_variable&) = delete;
  seed_variable& operator=(const seed_variable&) = delete;
  ~seed_variable() { set(before_ ? before_->c_str() : nullptr); }

private:
  static void set(const char* value) {
    if (value != nullptr)
      ::setenv("WEIR_SEED", value, 1);
    else
      ::unsetenv("WEIR_SEED");
  }

  std::optional<std::string> before_;
};

struct without_seed : watched {
  seed_variable none{nullptr};
};

// Two tasks that both read, and then both write.
task<int> lost_update() {
  int balance = 0;
  auto deposit = [&]() -> task<> {
    const int read = balance;
    co_await checkpoint();
    balance = read + 1;
  };
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(deposit);
    co_await group.spawn(deposit);
  };
  co_await with_task_group({}, body);
  co_return balance;
}

void must_be_two(deterministic_runtime& runtime) {
  if (runtime.run(lost_update()) != 2)
    throw std::logic_error("an update was lost");
}

} // namespace of_testing_explore
using namespace of_testing_explore;

BOOST_FIXTURE_TEST_SUITE(testing_explore, without_seed)

BOOST_AUTO_TEST_CASE(each_seed_is_run_once) {
  std::vector<std::uint64_t> rolls;
  std::vector<const void*> runtimes;
  int calls = 0;
  testing::explore_seeds(3, [&](deterministic_runtime& runtime) {
    ++calls;
    BOOST_TEST(runtime.steps() == 0u);
  });
  BOOST_TEST(calls == 3);
  testing::explore_seeds({.first = ~std::uint64_t(0), .count = 2},
                         [&](deterministic_runtime&) { ++calls; });
  BOOST_TEST(calls == 5); // wraps around
}

BOOST_AUTO_TEST_CASE(the_first_seed_that_fails_is_named) {
  std::uint64_t failing = 0;
  try {
    testing::explore_seeds(100, must_be_two);
    BOOST_ERROR("no seed failed");
  } catch (const testing::seed_failure& e) {
    failing = e.seed();
    BOOST_TEST(e.what() ==
               "seed " + std::to_string(failing) +
                   "; run it alone with WEIR_SEED=" + std::to_string(failing) +
                   ": an update was lost");
    BOOST_CHECK_EXCEPTION(std::rethrow_if_nested(e),
                          std::logic_error,
                          says("an update was lost"));
  }
  BOOST_REQUIRE(failing != 0);

  // Run alone, the seed fails again, as does every other way to start with it.
  const seed_variable alone(std::to_string(failing).c_str());
  int calls = 0;
  const auto counted = [&](deterministic_runtime& runtime) {
    ++calls;
    must_be_two(runtime);
  };
  BOOST_CHECK_THROW(testing::explore_seeds(100, counted),
                    testing::seed_failure);
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(the_environment_replaces_the_seeds) {
  const seed_variable one("18446744073709551615");
  int calls = 0;
  testing::explore_seeds(100, [&](deterministic_runtime&) { ++calls; });
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(what_is_no_std_exception_is_nested_too) {
  try {
    testing::explore_seeds(1, [](deterministic_runtime&) { throw 7; });
    BOOST_ERROR("it passed");
  } catch (const testing::seed_failure& e) {
    BOOST_TEST(says("WEIR_SEED=1: something that is no std::exception")(e));
    BOOST_CHECK_THROW(std::rethrow_if_nested(e), int);
  }
}

BOOST_AUTO_TEST_CASE(the_step_limit_is_each_seed_s) {
  auto forever = []() -> task<> {
    for (;;)
      co_await checkpoint();
  };
  BOOST_CHECK_EXCEPTION(
      testing::explore_seeds(
          {.first = 5, .count = 2, .max_steps = 30},
          [&](deterministic_runtime& runtime) { runtime.run(forever()); }),
      testing::seed_failure,
      says("WEIR_SEED=5: weir::testing: more than 30 steps (seed 5"));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  const auto nothing = [](deterministic_runtime&) {};
  BOOST_CHECK_EXCEPTION(
      testing::explore_seeds(0, nothing),
      std::invalid_argument,
      says("weir::testing::explore_seeds: count is 0, must be at least 1"));
  BOOST_CHECK_EXCEPTION(testing::explore_seeds({.max_steps = 0}, nothing),
                        std::invalid_argument,
                        says("max_steps is 0, must be at least 1"));
  for (const char* bad : {"abc", "-1", "12x", "18446744073709551616"}) {
    const seed_variable variable(bad);
    BOOST_CHECK_EXCEPTION(testing::explore_seeds(1, nothing),
                          std::invalid_argument,
                          says(std::string("WEIR_SEED is \"") + bad + '"'));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
