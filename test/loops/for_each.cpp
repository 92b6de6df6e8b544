// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/detail/task/await_operation.hpp>
#include <weir/for_each.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::of_for_each {

BOOST_FIXTURE_TEST_SUITE(for_each, pool_fixture)

std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Counts how often each of the numbers below n was passed.
class tally final {
public:
  explicit tally(int n) : seen_(static_cast<std::size_t>(n)) {}
  void add(int i) { ++seen_[static_cast<std::size_t>(i)]; }
  bool each_once() const {
    return std::all_of(
        seen_.begin(), seen_.end(), [](const auto& n) { return n == 1; });
  }

private:
  std::vector<std::atomic<int>> seen_;
};

BOOST_AUTO_TEST_CASE(a_plain_function_changes_elements_where_they_are) {
  for (std::size_t cap :
       {std::size_t{1}, std::size_t{2}, per_thread, unlimited})
    for (int n : {0, 1, 2, 63, 64, 65, 10'000, 300'000}) {
      std::vector<int> all = numbers(n);
      run(weir::for_each(all, {.max_in_flight = cap}, [](int& i) { i += 7; }));
      std::vector<int> expected = numbers(n);
      for (int& i : expected)
        i += 7;
      BOOST_TEST((all == expected));
    }
}

BOOST_AUTO_TEST_CASE(an_asynchronous_function_is_awaited_for_each_element) {
  for (std::size_t cap : caps)
    for (int n : {0, 1, 1000}) {
      std::vector<int> all = numbers(n);
      auto later = [](int& i) -> task<> {
        co_await checkpoint();
        i *= 2;
      };
      run(weir::for_each(all, {.max_in_flight = cap}, later));
      for (int i = 0; i != n; ++i)
        BOOST_REQUIRE(all[static_cast<std::size_t>(i)] == 2 * i);
    }
}

BOOST_AUTO_TEST_CASE(it_takes_every_kind_of_range) {
  constexpr int n = 5000;
  const auto check = [&](auto&& range) {
    tally plain(n);
    run(weir::for_each(range, {}, [&](int i) { plain.add(i); }));
    BOOST_TEST(plain.each_once());
    tally later(n);
    auto add = [&](const int& i) -> task<> {
      co_await checkpoint();
      later.add(i);
    };
    run(weir::for_each(range, {.max_in_flight = 3}, add));
    BOOST_TEST(later.each_once());
  };
  const std::vector<int> constant = numbers(n);
  check(constant);
  const std::list<int> forward(constant.begin(), constant.end());
  check(forward);
  check(std::views::iota(0, n));
  check(std::ranges::subrange(constant.begin(), constant.end()));
  check(std::ranges::subrange(forward.begin(), forward.end()));
  auto even = constant | std::views::transform([](int i) { return 2 * i; }) |
              std::views::filter([](int i) { return i < 2 * n; }) |
              std::views::transform([](int i) { return i / 2; });
  check(even);
}

BOOST_AUTO_TEST_CASE(a_range_that_is_walked_once_is_walked_once) {
  constexpr int n = 3000;
  std::string text;
  for (int i = 0; i != n; ++i)
    text += std::to_string(i) + ' ';
  for (bool is_async : {false, true}) {
    tally seen(n);
    std::istringstream in(text);
    auto later = [&](int i) -> task<> {
      co_await checkpoint();
      seen.add(i);
    };
    if (is_async)
      run(weir::for_each(
          std::views::istream<int>(in), {.max_in_flight = 4}, later));
    else
      run(weir::for_each(
          std::views::istream<int>(in), {}, [&](int&& i) { seen.add(i); }));
    BOOST_TEST(seen.each_once());
  }
}

BOOST_AUTO_TEST_CASE(a_list_is_changed_where_it_is) {
  std::list<std::string> all(1000, "x");
  run(weir::for_each(all, {}, [](std::string& s) { s += "y"; }));
  BOOST_TEST(std::count(all.begin(), all.end(), "xy") == 1000);
}

BOOST_AUTO_TEST_CASE(an_rvalue_lives_as_long_as_the_loop) {
  auto later = [](std::unique_ptr<int>& p) -> task<> {
    co_await checkpoint();
    p = std::make_unique<int>(*p + 1);
    co_await checkpoint();
  };
  auto main = [&]() -> task<> {
    std::vector<std::unique_ptr<int>> all;
    for (int i = 0; i != 100; ++i)
      all.push_back(std::make_unique<int>(i));
    auto loop = weir::for_each(std::move(all), {.max_in_flight = 5}, later);
    all.clear();
    co_await std::move(loop);
  };
  run(main());
}

BOOST_AUTO_TEST_CASE(the_function_may_take_the_index_too) {
  std::vector<std::size_t> all(1000);
  run(weir::for_each(all, {}, [](std::size_t i, std::size_t& e) { e = i; }));
  for (std::size_t i = 0; i != all.size(); ++i)
    BOOST_REQUIRE(all[i] == i);
  std::list<std::size_t> forward(1000);
  auto later = [](std::size_t i, std::size_t& e) -> task<> {
    e = i;
    co_return;
  };
  run(weir::for_each(forward, {}, later));
  std::size_t i = 0;
  for (std::size_t e : forward)
    BOOST_REQUIRE(e == i++);
}

BOOST_AUTO_TEST_CASE(a_producer_is_called_by_one_at_a_time) {
  for (std::size_t cap : caps) {
    constexpr int n = 500;
    high_water inside;
    tally seen(n);
    int next = 0;
    int after_the_end = 0;
    auto produce = [&]() -> task<std::optional<std::unique_ptr<int>>> {
      inside.enter();
      on_scope_exit leave([&] { inside.leave(); });
      if (next % 3 == 0)
        co_await checkpoint();
      if (next > n)
        ++after_the_end;
      if (next == n) {
        ++next;
        co_return std::nullopt;
      }
      co_return std::make_unique<int>(next++);
    };
    auto takes = [&](std::unique_ptr<int> p) -> task<> {
      co_await checkpoint();
      seen.add(*p);
    };
    run(weir::for_each(produce, {.max_in_flight = cap}, takes));
    BOOST_TEST(seen.each_once());
    BOOST_TEST(inside.peak() == 1);
    BOOST_TEST(after_the_end == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_producer_may_wait_for_the_elements_it_gave) {
  std::atomic<int> done{0};
  int given = 0;
  auto produce = [&]() -> task<std::optional<int>> {
    co_await until([&] { return done == given; });
    if (given == 100)
      co_return std::nullopt;
    co_return given++;
  };
  run(weir::for_each(produce, {}, [&](int) { ++done; }));
  BOOST_TEST(done == 100);
}

BOOST_AUTO_TEST_CASE(never_more_calls_run_than_the_cap_says) {
  for (std::size_t cap : caps) {
    high_water calls;
    auto later = [&](int) -> task<> {
      calls.enter();
      on_scope_exit leave([&] { calls.leave(); });
      co_await checkpoint();
    };
    run(weir::for_each(
        std::views::iota(0, 2000), {.max_in_flight = cap}, later));
    BOOST_TEST(calls.peak() <= static_cast<int>(cap));
    BOOST_TEST(calls.peak() >= 1);
  }
}

BOOST_AUTO_TEST_CASE(without_a_cap_all_calls_are_in_flight_at_once) {
  gate door(pool.get_executor());
  auto waits = [&](int) -> task<> { co_await door.wait(); };
  auto main = [&]() -> task<> {
    task_group group(pool);
    auto loop = [&]() -> task<> {
      co_await weir::for_each(
          std::views::iota(0, 500), {.max_in_flight = unlimited}, waits);
    };
    co_await group.spawn(loop);
    co_await until([&] { return door.arrivals() == 500; });
    door.open();
    co_await group.join();
  };
  run(main());
}

BOOST_AUTO_TEST_CASE(calls_that_never_suspend_need_few_workers) {
  runtime one(1);
  std::set<const detail::task_core*> workers;
  auto notes = [&](int) -> task<> {
    workers.insert(&co_await detail::this_core());
  };
  one.run(weir::for_each(
      std::views::iota(0, 10'000), {.max_in_flight = unlimited}, notes));
  BOOST_TEST(workers.size() < 20u); // Each rests after 64 elements.
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_at_the_call) {
  std::vector<int> all(3);
  BOOST_CHECK_EXCEPTION(
      (void)weir::for_each(all, {.max_in_flight = 0}, [](int) {}),
      std::invalid_argument,
      says("weir::for_each: max_in_flight is 0, must be at least 1"));
  void (*null)(int) = nullptr;
  BOOST_CHECK_EXCEPTION((void)weir::for_each(all, {}, null),
                        std::invalid_argument,
                        says("the callable is empty"));
  const std::function<void(int)> none;
  BOOST_CHECK_THROW((void)weir::for_each(all, {}, none), std::invalid_argument);
  std::function<task<std::optional<int>>()> no_producer;
  BOOST_CHECK_THROW((void)weir::for_each(no_producer, {}, [](int) {}),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_quiet_producer_is_left_for_as_many_as_have_work) {
  gate door(pool.get_executor());
  std::atomic<int> most{0};
  int calls = 0;
  auto produce = [&]() -> task<std::optional<int>> {
    if (++calls > 100)
      co_return std::nullopt;
    co_await checkpoint();
    co_return calls;
  };
  auto waits = [&](int i) -> task<> {
    ++most;
    if (i == 100)
      door.open();
    else
      co_await door.wait();
  };
  // All of them run at once.
  run(weir::for_each(produce, {.max_in_flight = unlimited}, waits));
  BOOST_TEST(most == 100);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_for_each
