// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/as_stopped.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/result_group.hpp> // Goes together with when_all.
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/unwinding.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test::of_when_all {

BOOST_FIXTURE_TEST_SUITE(when_all, pool_fixture)

using boost::system::system_error;
using weir::when_all;

// No default constructor, moves only.
struct token {
  explicit token(int n) : number(std::make_unique<int>(n)) {}
  std::unique_ptr<int> number;
};

template <typename T>
task<T> gives(T value) {
  co_await checkpoint();
  co_return std::move(value);
}

task<token> gives_token(int n) { co_return token(n); }
asio::awaitable<int> gives_in_asio(int n) { co_return n; }

BOOST_AUTO_TEST_CASE(results_stand_in_the_order_of_the_tasks) {
  auto main = [&]() -> task<std::tuple<int, std::string, std::monostate>> {
    co_return co_await when_all(gives(1), gives(std::string("b")), returns());
  };
  const auto result = run(main());
  BOOST_TEST(std::get<0>(result) == 1);
  BOOST_TEST(std::get<1>(result) == "b");
}

BOOST_AUTO_TEST_CASE(tasks_run_at_the_same_time) {
  // Each needs the other.
  gate first(pool.get_executor());
  gate second(pool.get_executor());
  auto one = [&]() -> task<> {
    first.open();
    co_await second.wait();
  };
  auto two = [&]() -> task<> {
    second.open();
    co_await first.wait();
  };
  run(when_all(one(), two()));
  BOOST_TEST(first.arrivals() == 1u);
}

BOOST_AUTO_TEST_CASE(whatever_a_group_takes_can_be_given) {
  asio::steady_timer timer(pool.get_executor(), std::chrono::milliseconds(1));
  int local = 5;
  auto refers = [&]() -> task<int&> { co_return local; };
  auto called = [&]() -> task<int> { co_return 3; };
  auto main = [&]() -> task<bool> {
    auto results = co_await when_all(gives(1),
                                     gives_in_asio(2),
                                     timer.async_wait(asio::deferred),
                                     sleep_for(std::chrono::milliseconds(1)),
                                     called,
                                     refers());
    static_assert(std::is_same_v<decltype(results),
                                 std::tuple<int,
                                            int,
                                            std::monostate,
                                            std::monostate,
                                            int,
                                            std::reference_wrapper<int>>>);
    co_return std::get<0>(results) == 1 && std::get<1>(results) == 2 &&
        std::get<4>(results) == 3 && &std::get<5>(results).get() == &local;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(results_may_move_only_and_have_no_default) {
  auto main = [&]() -> task<int> {
    auto both = co_await when_all(gives_token(1), gives_token(2));
    std::vector<task<token>> more;
    for (int i = 0; i != 3; ++i)
      more.push_back(gives_token(i));
    std::vector<token> three = co_await when_all(std::move(more));
    co_return *std::get<1>(both).number * 10 + *three[2].number;
  };
  BOOST_TEST(run(main()) == 22);
}

BOOST_AUTO_TEST_CASE(a_range_gives_a_vector_in_its_order) {
  std::vector<int> numbers(100);
  for (int i = 0; i != 100; ++i)
    numbers[static_cast<std::size_t>(i)] = i;
  auto made = [&]() -> task<std::vector<int>> {
    co_return co_await when_all(numbers | std::views::transform(gives<int>));
  };
  BOOST_TEST((run(made()) == numbers));

  std::atomic<int> calls{0};
  std::vector<task<>> nothing;
  for (int i = 0; i != 5; ++i)
    nothing.push_back(counts(calls));
  static_assert(
      std::is_same_v<decltype(when_all(std::move(nothing))), task<void>>);
  run(when_all(std::move(nothing)));
  BOOST_TEST(calls == 5);
}

BOOST_AUTO_TEST_CASE(nothing_to_do_completes) {
  static_assert(std::is_same_v<decltype(when_all()), task<std::tuple<>>>);
  (void)run(when_all());
  run(when_all(std::vector<task<>>()));
  BOOST_TEST(run(when_all(std::vector<task<token>>())).empty());
}

// Both forms of a cancelled await, by `wrap`, for tasks of any type.
template <typename Body>
void in_both_forms(Body body) {
  for (bool unwinds : {false, true})
    BOOST_TEST_CONTEXT("unwinds " << unwinds) { body(unwinds); }
}

template <typename T>
task<T> in_form(bool unwinds, task<T> work) {
  if (unwinds)
    co_return co_await unwinding(std::move(work));
  co_return co_await std::move(work);
}

BOOST_AUTO_TEST_CASE(the_first_error_cancels_the_rest_which_end_first) {
  in_both_forms([&](bool unwinds) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    int ended_outside = -1;
    auto fails_late = [&]() -> task<> {
      co_await until([&] { return never.arrivals() == 2; });
      throw std::runtime_error("boom");
    };
    auto main = [&]() -> task<> {
      try {
        (void)co_await when_all(waits_and_counts(never, ended),
                                fails_late(),
                                waits_and_counts(never, ended));
      } catch (const std::runtime_error&) {
        ended_outside = ended;
        throw;
      }
    };
    BOOST_CHECK_EXCEPTION(
        run(in_form(unwinds, main())), std::runtime_error, says("boom"));
    BOOST_TEST(ended_outside == 2);
  });
}

BOOST_AUTO_TEST_CASE(in_a_range_too_the_first_error_counts) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  std::vector<task<>> works;
  works.push_back(waits_and_counts(never, ended));
  works.push_back(fails_with("boom"));
  BOOST_CHECK_EXCEPTION(
      run(when_all(std::move(works))), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_cancels_all_and_waits_for_them) {
  in_both_forms([&](bool unwinds) {
    gate never(pool.get_executor());
    gate door(pool.get_executor());
    std::atomic<int> ended{0};
    int at_the_end = -1;
    bool went_on = false;
    // Ignores its cancellation.
    auto stubborn = [&]() -> task<int> {
      on_scope_exit count([&] { ++ended; });
      co_await shield(waits_for(door));
      co_return 1;
    };
    auto waits = [&]() -> task<> {
      on_scope_exit note([&] { at_the_end = ended; });
      (void)co_await when_all(stubborn(), waits_and_counts(never, ended));
      went_on = true;
    };
    auto main = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        co_await group.spawn(in_form(unwinds, waits()));
        co_await until([&] { return never.arrivals() + door.arrivals() == 2; });
        group.cancel();
        co_await shield(until([&] { return ended == 1; }));
        door.open();
      });
    };
    run(main());
    BOOST_TEST(at_the_end == 2);
    BOOST_TEST(!went_on);
  });
}

BOOST_AUTO_TEST_CASE(in_a_cancelled_task_nothing_starts) {
  std::atomic<int> calls{0};
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      group.cancel();
      (void)co_await when_all(counts(calls), counts(calls));
    });
  };
  run(main());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_it) {
  gate never(pool.get_executor());
  auto main = [&]() -> task<> {
    (void)co_await with_timeout(std::chrono::milliseconds(5),
                                when_all(waits_for(never), gives(1)));
  };
  BOOST_CHECK_EXCEPTION(
      run(main()), system_error, has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(a_coroutine_of_asio_can_await_it) {
  auto main = [&]() -> asio::awaitable<int> {
    auto both = co_await weir::co_spawn(
        pool.get_executor(), when_all(gives(4), gives(2)), asio::use_awaitable);
    co_return std::get<0>(both) * 10 + std::get<1>(both);
  };
  BOOST_TEST(run_foreign(main()) == 42);
}

BOOST_AUTO_TEST_CASE(an_empty_task_is_refused_at_the_call) {
  std::atomic<int> calls{0};
  BOOST_CHECK_EXCEPTION((void)when_all(counts(calls), task<>()),
                        std::invalid_argument,
                        says("weir::when_all: the task is empty"));
  std::vector<task<>> range(2);
  BOOST_CHECK_EXCEPTION((void)when_all(std::move(range)),
                        std::invalid_argument,
                        says("weir::when_all: the task is empty"));
  std::function<task<>()> empty;
  BOOST_CHECK_EXCEPTION((void)when_all(empty),
                        std::invalid_argument,
                        says("weir::when_all: the callable is empty"));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_nothing_is_left_behind) {
  std::atomic<int> ended{0};
  std::atomic<int> went_on{0};
  {
    weir::runtime brief(2);
    auto never = std::make_shared<gate>(brief.get_executor());
    auto main = [](std::shared_ptr<gate> door,
                   std::atomic<int>& count,
                   std::atomic<int>& after) -> task<> {
      (void)co_await when_all(waits_and_counts(*door, count),
                              waits_and_counts(*door, count));
      ++after;
    };
    weir::co_spawn(brief, main(never, ended, went_on), asio::detached);
    block_until([&] { return never->arrivals() == 2; });
    brief.stop();
    never.reset();
  }
  BOOST_TEST(ended == 2);
  BOOST_TEST(went_on == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_when_all
