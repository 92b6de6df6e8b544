// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Errors and cancellation.

#include <weir/checkpoint.hpp>
#include <weir/for_each.hpp>
#include <weir/group_error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/counted.hpp"
#include "support/ending.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(for_each_end)

using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_FIXTURE_TEST_CASE(after_an_error_most_elements_are_not_begun,
                        pool_fixture) {
  for (std::size_t cap : caps) {
    std::atomic<int> begun{0};
    auto later = [&](int i) -> task<> {
      ++begun;
      if (i == 10)
        throw std::runtime_error("ten");
      co_await checkpoint();
    };
    BOOST_CHECK_EXCEPTION(run(weir::for_each(std::views::iota(0, 100'000),
                                             {.max_in_flight = cap},
                                             later)),
                          std::runtime_error,
                          says("ten"));
    BOOST_TEST(begun < 100'000);
  }
}

BOOST_FIXTURE_TEST_CASE(an_error_in_a_plain_function_stops_all_workers,
                        pool_fixture) {
  std::atomic<int> begun{0};
  std::vector<int> all(10'000'000);
  BOOST_CHECK_EXCEPTION(run(weir::for_each(all,
                                           {},
                                           [&](int) {
                                             if (begun.fetch_add(1) == 5000)
                                               throw std::runtime_error("boom");
                                           })),
                        std::runtime_error,
                        says("boom"));
  BOOST_TEST(begun < 1'000'000);
}

BOOST_FIXTURE_TEST_CASE(an_error_cancels_the_calls_in_flight, pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    auto later = [&](int i) -> task<> {
      on_scope_exit count([&] { ++ended; });
      if (i == 3) {
        co_await until([&] { return never.arrivals() == 3; });
        throw std::runtime_error("three");
      }
      co_await never.wait();
    };
    BOOST_CHECK_EXCEPTION(
        run(weir::for_each(std::views::iota(0, 1000),
                           {.max_in_flight = 4, .cancellation = form},
                           later)),
        std::runtime_error,
        says("three"));
    BOOST_TEST(ended == 4);
  }
}

BOOST_FIXTURE_TEST_CASE(kept_going_it_runs_every_element, pool_fixture) {
  std::atomic<int> begun{0};
  const auto fails = [&](int i) {
    ++begun;
    if (i % 10 == 7)
      throw std::runtime_error("seven");
  };
  auto fails_later = [&](int i) -> task<> {
    fails(i);
    co_return;
  };
  const for_each_options options{.errors = on_error::keep_going};
  const std::list<int> forward(1000, 7);
  BOOST_CHECK_THROW(
      run(weir::for_each(std::views::iota(0, 1000), options, fails)),
      std::runtime_error);
  BOOST_CHECK_THROW(
      run(weir::for_each(std::views::iota(0, 1000), options, fails_later)),
      std::runtime_error);
  BOOST_CHECK_THROW(run(weir::for_each(forward, options, fails)),
                    std::runtime_error);
  BOOST_TEST(begun == 3000);
}

BOOST_FIXTURE_TEST_CASE(collected_errors_have_the_elements_indices,
                        pool_fixture) {
  auto fails = [](int i) {
    if (i % 100 == 42)
      throw std::runtime_error(std::to_string(i));
  };
  bool right = false;
  try {
    run(weir::for_each(
        std::views::iota(0, 500), {.errors = collect(unlimited)}, fails));
  } catch (const group_error& e) {
    right = e.failed() == 5 && e.errors().size() == 5;
    for (std::size_t i = 0; right && i != 5; ++i)
      right = e.errors()[i].index == 100 * i + 42 &&
              text_of(e.errors()[i].error) == std::to_string(100 * i + 42);
  }
  BOOST_TEST(right);
}

// Throws when it is moved to the tenth element.
struct brittle {
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  int at = 0;
  int operator*() const { return at; }
  brittle& operator++() {
    if (++at == 10)
      throw std::runtime_error("range");
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return at == 100; }
};

BOOST_FIXTURE_TEST_CASE(an_error_of_the_range_ends_the_loop, pool_fixture) {
  for (error_policy policy : {error_policy(on_error::cancel_siblings),
                              error_policy(on_error::keep_going)}) {
    std::atomic<int> begun{0};
    BOOST_CHECK_EXCEPTION(
        run(weir::for_each(
            std::ranges::subrange(brittle(), std::default_sentinel),
            {.errors = policy},
            [&](int) { ++begun; })),
        std::runtime_error,
        says("range"));
    BOOST_TEST(begun <= 10);
    if (policy.siblings() == on_error::keep_going)
      BOOST_TEST(begun == 10);
  }
}

BOOST_FIXTURE_TEST_CASE(a_producer_that_threw_is_not_called_again,
                        pool_fixture) {
  for (error_policy policy : {error_policy(on_error::cancel_siblings),
                              error_policy(on_error::keep_going)}) {
    int calls = 0;
    auto produce = [&]() -> task<std::optional<int>> {
      if (++calls == 5)
        throw std::runtime_error("dry");
      co_return 1;
    };
    auto later = [&](int) -> task<> { co_await checkpoint(); };
    BOOST_CHECK_EXCEPTION(
        run(weir::for_each(
            produce, {.max_in_flight = 3, .errors = policy}, later)),
        std::runtime_error,
        says("dry"));
    BOOST_TEST(calls == 5);
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancellation_ends_it_in_both_forms, pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    std::atomic<bool> went_on{false};
    auto waits = [&](int) -> task<> {
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
    };
    auto main = [&]() -> task<> {
      co_await weir::for_each(std::views::iota(0, 100),
                              {.max_in_flight = 3, .cancellation = form},
                              waits);
      went_on = true;
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(main));
    block_until([&] { return never.arrivals() == 3; });
    outer.cancel();
    wait(outer.join());
    BOOST_TEST(ended == 3);
    BOOST_TEST(!went_on);
    BOOST_TEST(outer.stats().cancelled == 1u);
  }
}

BOOST_FIXTURE_TEST_CASE(an_error_is_not_lost_to_a_cancellation, pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    auto fails_first = [&](int i) -> task<> {
      if (i == 0)
        throw std::runtime_error("zero");
      co_await never.wait();
    };
    const for_each_options options{.max_in_flight = 3,
                                   .errors = on_error::keep_going,
                                   .cancellation = form};
    auto main = [&]() -> task<> {
      co_await weir::for_each(std::views::iota(0, 100), options, fails_first);
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(main));
    block_until([&] { return never.arrivals() == 3; });
    outer.cancel();
    BOOST_CHECK_EXCEPTION(wait(outer.join()), std::runtime_error, says("zero"));
  }
}

BOOST_FIXTURE_TEST_CASE(a_plain_function_is_cut_off_between_elements,
                        pool_fixture) {
  std::atomic<int> begun{0};
  auto main = [&]() -> task<> {
    co_await weir::for_each(
        std::views::iota(0, 2'000'000'000), {}, [&](int) { ++begun; });
  };
  BOOST_CHECK_EXCEPTION(run(with_timeout(std::chrono::milliseconds(5), main())),
                        system_error,
                        has_code(asio::error::timed_out));
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_producer_passes_the_turn_on, pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    auto produce = [&]() -> task<std::optional<int>> {
      co_await never.wait();
      co_return 1;
    };
    auto main = [&]() -> task<> {
      co_await weir::for_each(
          produce, {.max_in_flight = 3, .cancellation = form}, [](int) {});
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(main));
    block_until([&] { return never.arrivals() == 1; });
    outer.cancel();
    wait(outer.join());
    BOOST_TEST(outer.stats().cancelled == 1u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_stopped_runtime_destroys_it, ending) {
  std::atomic<int> gone{0};
  auto holds = [&](int) -> task<> {
    counted c(alive);
    auto kept = never;
    co_await kept->wait();
  };
  auto main = [&]() -> task<> {
    on_scope_exit count([&] { ++gone; });
    co_await weir::for_each(
        std::views::iota(0, 100), {.max_in_flight = 3}, holds);
  };
  start(main());
  block_until([&] { return never->arrivals() == 3; });
  pool->stop();
  end();
  BOOST_TEST(gone == 1);
  BOOST_TEST(alive == 0);
}

BOOST_FIXTURE_TEST_CASE(an_error_of_the_producer_has_the_elements_index,
                        pool_fixture) {
  gate door(pool.get_executor());
  int calls = 0;
  auto produce = [&]() -> task<std::optional<int>> {
    if (++calls == 2) { // by the other worker
      door.open();
      throw std::runtime_error("dry");
    }
    co_return 1;
  };
  auto waits = [&](int) -> task<> { co_await door.wait(); };
  std::size_t index = 0;
  try {
    run(weir::for_each(
        produce, {.max_in_flight = 2, .errors = collect(unlimited)}, waits));
  } catch (const group_error& e) {
    index = e.errors().front().index;
  }
  BOOST_TEST(index == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
