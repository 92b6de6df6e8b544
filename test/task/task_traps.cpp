// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Mistakes with a task that are reported, and do not corrupt memory.

#include <weir/as_stopped.hpp>
#include <weir/co_spawn.hpp>
#include <weir/finally.hpp>
#include <weir/single_flight.hpp>
#include <weir/start.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/when_all.hpp>
#include <weir/with_result_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_task_traps {

BOOST_FIXTURE_TEST_SUITE(task_traps, pool_fixture)

struct alignas(64) wide {
  std::array<std::uint64_t, 8> words{};
};

// --- no co_return ---

// Undefined in the language, but what g++ and clang do is known.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
template <typename T>
task<T> falls_off(bool returns_value, T value) {
  co_await weir::test::returns();
  if (returns_value)
    co_return value;
}
task<int&> falls_off_reference(bool returns_value, int& value) {
  co_await weir::test::returns();
  if (returns_value)
    co_return value;
}
#pragma GCC diagnostic pop

constexpr const char* no_value = "ended without co_return of a value";

BOOST_AUTO_TEST_CASE(a_task_that_falls_off_its_end_has_no_value) {
  BOOST_CHECK_EXCEPTION(
      run(falls_off(false, 1)), std::logic_error, says(no_value));
  BOOST_CHECK_EXCEPTION(run(falls_off(false, std::string("a"))),
                        std::logic_error,
                        says(no_value));
  BOOST_CHECK_EXCEPTION(
      run(falls_off(false, wide())), std::logic_error, says(no_value));
  int object = 0;
  BOOST_CHECK_EXCEPTION(run(falls_off_reference(false, object)),
                        std::logic_error,
                        says(no_value));
  BOOST_TEST(run(falls_off(true, 1)) == 1);
  BOOST_TEST(&run(falls_off_reference(true, object)) == &object);
}

BOOST_AUTO_TEST_CASE(whoever_reads_it_gets_the_error) {
  auto awaits = []() -> task<> { (void)co_await falls_off(false, 1); };
  BOOST_CHECK_EXCEPTION(run(awaits()), std::logic_error, says(no_value));

  auto spawned = weir::co_spawn(pool, falls_off(false, 1), asio::use_future);
  BOOST_CHECK_EXCEPTION(spawned.get(), std::logic_error, says(no_value));

  BOOST_CHECK_EXCEPTION(
      run(as_stopped(falls_off(false, 1))), std::logic_error, says(no_value));
  BOOST_CHECK_EXCEPTION(run(when_all(falls_off(false, 1), falls_off(true, 2))),
                        std::logic_error,
                        says(no_value));

  auto body = [](result_group<int>& group) -> task<> {
    co_await group.spawn(falls_off(false, 1));
  };
  BOOST_CHECK_EXCEPTION(
      run(with_result_group<int>({}, body)), std::logic_error, says(no_value));

  single_flight<int, int> flights(pool);
  auto flies = [&]() -> task<> {
    (void)co_await flights.run(1, falls_off<int>, false, 1);
  };
  BOOST_CHECK_EXCEPTION(run(flies()), std::logic_error, says(no_value));
}

// --- what may be co_returned ---

template <typename T, typename U>
concept returns_from =
    !std::is_same_v<decltype(std::declval<typename task<T>::promise_type&>()
                                 .return_value(std::declval<U>())),
                    detail::explained>; // What that gives does not compile.
struct explicit_wide {
  explicit explicit_wide(int) {}
  alignas(64) int n = 0;
};

static_assert(!returns_from<std::vector<int>, int>);
static_assert(!returns_from<std::unique_ptr<int>, int*>);
static_assert(!returns_from<bool, std::unique_ptr<int>>);
static_assert(!returns_from<explicit_wide, int>);
static_assert(returns_from<explicit_wide, explicit_wide>);
static_assert(returns_from<std::string, const char*>);
static_assert(returns_from<long, int>);
static_assert(returns_from<std::shared_ptr<const int>, std::unique_ptr<int>>);
static_assert(returns_from<std::unique_ptr<int>, std::nullptr_t>);

struct point {
  int x = 0;
  int y = 0;
};

BOOST_AUTO_TEST_CASE(braces_make_the_value_as_in_a_function) {
  auto numbers = []() -> task<std::vector<int>> { co_return {1, 2}; };
  auto none = []() -> task<std::vector<int>> { co_return {}; };
  auto at = []() -> task<point> { co_return {3, 4}; };
  auto text = []() -> task<std::string> { co_return {3, 'a'}; };
  BOOST_TEST((run(numbers()) == std::vector<int>{1, 2}));
  BOOST_TEST(run(none()).empty());
  BOOST_TEST(run(at()).y == 4);
  BOOST_TEST(run(text()).size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_local_is_moved_out) {
  auto owns = []() -> task<std::unique_ptr<int>> {
    auto local = std::make_unique<int>(3);
    co_return local;
  };
  auto converts = []() -> task<std::shared_ptr<int>> {
    auto local = std::make_unique<int>(4);
    co_return std::move(local);
  };
  BOOST_TEST(*run(owns()) == 3);
  BOOST_TEST(*run(converts()) == 4);
}

// --- an empty task ---

constexpr const char* empty_task =
    "weir::task: awaited an empty task (default-constructed or moved from)";

BOOST_AUTO_TEST_CASE(awaiting_an_empty_task_is_an_invalid_argument) {
  auto awaits = []() -> task<> { co_await task<>(); };
  auto awaits_value = []() -> task<int> { co_return co_await task<int>(); };
  auto awaits_moved = []() -> task<> {
    task<> once = returns();
    co_await std::move(once);
    co_await std::move(once);
  };
  BOOST_CHECK_EXCEPTION(run(awaits()), std::invalid_argument, says(empty_task));
  BOOST_CHECK_EXCEPTION(
      run(awaits_value()), std::invalid_argument, says(empty_task));
  BOOST_CHECK_EXCEPTION(
      run(awaits_moved()), std::invalid_argument, says(empty_task));
}

BOOST_AUTO_TEST_CASE(a_callable_that_returns_an_empty_task_fails) {
  auto empty = [] { return task<>(); };
  auto empty_value = [] { return task<int>(); };

  auto spawns = [&](task_group& group) -> task<> {
    co_await group.spawn(empty);
  };
  BOOST_CHECK_EXCEPTION(run(with_task_group({}, spawns)),
                        std::invalid_argument,
                        says(empty_task));

  auto body = [](task_group&) { return task<>(); };
  BOOST_CHECK_EXCEPTION(
      run(with_task_group({}, body)), std::invalid_argument, says(empty_task));

  BOOST_CHECK_EXCEPTION(
      run(when_all(empty_value)), std::invalid_argument, says(empty_task));
  BOOST_CHECK_EXCEPTION(run(weir::finally(returns(), empty)),
                        std::invalid_argument,
                        says(empty_task));

  single_flight<int, int> flights(pool);
  auto flies = [&]() -> task<> { (void)co_await flights.run(1, empty_value); };
  BOOST_CHECK_EXCEPTION(run(flies()), std::invalid_argument, says(empty_task));

  auto never_up = [](started<int>&) { return task<>(); };
  auto starts = [&](task_group& group) -> task<> {
    (void)co_await start<int>(group, never_up);
  };
  BOOST_CHECK_EXCEPTION(run(with_task_group({}, starts)),
                        std::invalid_argument,
                        says(empty_task));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_task_traps
