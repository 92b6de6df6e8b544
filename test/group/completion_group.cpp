// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/task.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/throws_when_moved.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::of_completion_group {

BOOST_FIXTURE_TEST_SUITE(completion_group, pool_fixture)

using boost::system::system_error;
using weir::completion_group;

using pointer = std::unique_ptr<int>;

task<int> gives(int n) { co_return n; }
task<int> fails(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(results_come_as_the_children_complete) {
  gate first(pool.get_executor());
  gate second(pool.get_executor());
  completion_group<int> group(pool);
  wait(group.spawn(gives_after(first, 10)));
  wait(group.spawn(gives_after(second, 20)));
  auto one = group.next()(asio::use_future);
  second.open();
  const auto a = one.get();
  BOOST_REQUIRE(a.has_value());
  BOOST_TEST(a->index == 1u);
  BOOST_TEST(a->result.value() == 20);
  first.open();
  const auto b = wait(group.next());
  BOOST_REQUIRE(b.has_value());
  BOOST_TEST(b->index == 0u);
  BOOST_TEST(b->result.value() == 10);
  group.close();
  BOOST_TEST(!wait(group.next()).has_value());
  wait(group.join());
  BOOST_TEST(!wait(group.next()).has_value());
}

BOOST_AUTO_TEST_CASE(every_result_comes_once_at_any_cap_and_bound) {
  for (std::size_t cap : caps) {
    for (std::size_t bound : {std::size_t{0}, std::size_t{1}, unlimited}) {
      BOOST_TEST_CONTEXT("cap " << cap << ", bound " << bound) {
        constexpr int tasks = 300;
        std::vector<int> seen(tasks, 0);
        auto child = [](int n) -> task<pointer> {
          if (n % 3 == 0)
            co_await checkpoint();
          co_return std::make_unique<int>(n);
        };
        auto main = [&]() -> task<> {
          completion_group<pointer> group(
              pool, {.max_in_flight = cap, .max_unconsumed = bound});
          auto produces = [&]() -> task<> {
            for (int n = 0; n != tasks; ++n)
              co_await group.spawn(child, n);
            group.close();
          };
          task_group producers(pool);
          co_await producers.spawn(produces);
          while (auto done = co_await group.next()) {
            const auto value = std::move(done->result).value();
            if (static_cast<std::uint64_t>(*value) == done->index)
              ++seen[static_cast<std::size_t>(*value)];
          }
          co_await producers.join();
          co_await group.join();
        };
        run(main());
        BOOST_TEST(std::count(seen.begin(), seen.end(), 1) == tasks);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(it_holds_no_more_results_than_it_may) {
  for (std::size_t cap : caps) {
    for (std::size_t bound : {std::size_t{0}, std::size_t{3}}) {
      BOOST_TEST_CONTEXT("cap " << cap << ", bound " << bound) {
        std::atomic<int> alive{0};
        auto child = [&]() -> task<counted> { co_return counted(alive); };
        completion_group<counted> group(
            pool, {.max_in_flight = cap, .max_unconsumed = bound});
        const auto most = cap + bound;
        for (std::size_t i = 0; i != most; ++i)
          wait(group.spawn(child));
        auto over = group.spawn(child)(asio::use_future);
        block_until([&] { return alive == static_cast<int>(most); });
        BOOST_TEST(group.stats().waiting == 1u);
        BOOST_TEST(group.stats().in_flight == cap);
        BOOST_TEST((over.wait_for(std::chrono::milliseconds(1)) ==
                    std::future_status::timeout));
        BOOST_TEST(alive == static_cast<int>(most));
        BOOST_TEST(wait(group.next()).has_value());
        over.get();
        block_until([&] { return alive == static_cast<int>(most); });
        group.close();
        std::size_t rest = 0;
        while (wait(group.next()))
          ++rest;
        BOOST_TEST(rest == most);
        wait(group.join());
        BOOST_TEST(alive == 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(callers_of_next_are_served_as_they_asked) {
  completion_group<int> group(pool, {.max_in_flight = 1});
  std::vector<std::future<std::optional<completed<int>>>> asked;
  for (int i = 0; i != 10; ++i)
    asked.push_back(group.next()(asio::use_future));
  for (int i = 0; i != 5; ++i)
    wait(group.spawn(gives(i)));
  group.close();
  for (int i = 0; i != 10; ++i) {
    const auto got = asked[static_cast<std::size_t>(i)].get();
    BOOST_TEST(got.has_value() == (i < 5));
    if (got)
      BOOST_TEST(got->result.value() == i);
  }
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(a_join_keeps_what_nobody_took) {
  completion_group<int> group(pool, {.max_in_flight = 2, .max_unconsumed = 0});
  wait(group.spawn(gives(1)));
  wait(group.spawn(gives(2)));
  wait(group.join());
  int sum = 0;
  while (auto done = wait(group.next()))
    sum += done->result.value();
  BOOST_TEST(sum == 3);
}

BOOST_AUTO_TEST_CASE(errors_are_results_and_join_reports_the_first) {
  for (on_cancel form : forms) {
    for (on_error policy : {on_error::cancel_siblings, on_error::keep_going}) {
      gate door(pool.get_executor());
      completion_group<int> group(pool,
                                  {.max_in_flight = 3,
                                   .max_unconsumed = 0,
                                   .errors = policy,
                                   .cancellation = form});
      wait(group.spawn(gives_after(door, 1)));
      block_until([&] { return door.arrivals() == 1; });
      wait(group.spawn(fails("boom")));
      const auto first = wait(group.next());
      BOOST_REQUIRE(first.has_value());
      BOOST_TEST(first->index == 1u);
      BOOST_TEST(text_of(first->result.error()) == "boom");
      if (policy == on_error::keep_going) {
        door.open();
        group.close();
      }
      const auto second = wait(group.next());
      BOOST_REQUIRE(second.has_value());
      BOOST_TEST(second->result.has_value() ==
                 (policy == on_error::keep_going));
      BOOST_TEST(!wait(group.next()).has_value());
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), std::runtime_error, says("boom"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_group_ends_next_and_loses_no_result) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    completion_group<int> group(
        pool, {.max_in_flight = 3, .max_unconsumed = 0, .cancellation = form});
    wait(group.spawn(gives(1)));
    wait(group.spawn(gives_after(never, 2)));
    auto two = group.next()(asio::use_future);
    two.get();
    auto more = group.next()(asio::use_future);
    block_until([&] { return never.arrivals() == 1; });
    group.cancel();
    const auto cut = more.get();
    BOOST_REQUIRE(cut.has_value());
    BOOST_TEST(code_of(cut->result.error()) == asio::error::operation_aborted);
    BOOST_TEST(!wait(group.next()).has_value());
    wait(group.join());
  }
}

BOOST_AUTO_TEST_CASE(a_child_that_keeps_its_result_ends_when_it_is_cancelled) {
  for (on_cancel form : forms) {
    completion_group<int> group(
        pool, {.max_in_flight = 2, .max_unconsumed = 0, .cancellation = form});
    wait(group.spawn(gives(1)));
    wait(group.spawn(gives(2)));
    block_until([&] { return group.stats().in_flight == 2; });
    group.cancel();
    block_until([&] { return group.stats().in_flight == 0; });
    int sum = 0;
    int cut = 0;
    while (auto done = wait(group.next()))
      done->result ? sum += *done->result : ++cut;
    BOOST_TEST(sum <= 3);
    wait(group.join());
  }
}

BOOST_AUTO_TEST_CASE(next_ends_when_an_empty_group_is_cancelled_or_closed) {
  for (bool cancels : {true, false}) {
    completion_group<int> group(pool);
    auto waiting = group.next()(asio::use_future);
    BOOST_TEST((waiting.wait_for(std::chrono::milliseconds(1)) ==
                std::future_status::timeout));
    cancels ? group.cancel() : group.close();
    BOOST_TEST(!waiting.get().has_value());
    wait(group.join());
  }
  completion_group<int> late(pool);
  auto waiting = late.next()(asio::use_future);
  late.cancel_after(std::chrono::milliseconds(1));
  BOOST_TEST(!waiting.get().has_value());
  BOOST_CHECK_EXCEPTION(
      wait(late.join()), system_error, has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(a_value_that_throws_when_it_is_moved_is_an_error) {
  int moves = 0;
  for (bool reaches_the_group = false; !reaches_the_group; ++moves) {
    BOOST_TEST_REQUIRE(moves < 20);
    completion_group<throws_when_moved> group(pool,
                                              {.errors = on_error::keep_going});
    std::string text;
    auto takes = [&]() -> task<> {
      co_await group.spawn(gives_throwing, moves);
      text = text_of((co_await group.next())->result.error());
    };
    auto joins = [&]() -> task<> { co_await group.join(); };
    try {
      run(takes());
      BOOST_TEST(text == "moved too often");
      BOOST_CHECK_EXCEPTION(
          run(joins()), std::runtime_error, says("moved too often"));
    } catch (const std::runtime_error&) {
      run(joins()); // The move by the caller of next() threw.
      reaches_the_group = true;
    }
  }
  BOOST_TEST(moves > 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_completion_group
