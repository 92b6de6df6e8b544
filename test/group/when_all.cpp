// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/result_group.hpp> // Goes together with when_all.
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/when_all.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
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

BOOST_AUTO_TEST_CASE(what_comes_behind_an_error_is_not_begun) {
  constexpr int tasks = 200;
  bool saved_some = false;
  for (int round = 0; round != 20'000 && !saved_some; ++round) {
    std::atomic<int> begun{0};
    auto fails = [&]() -> task<> {
      ++begun;
      throw std::runtime_error("boom");
      co_return;
    };
    std::vector<task<>> all;
    for (int n = 0; n != tasks; ++n)
      all.push_back(fails());
    BOOST_CHECK_THROW(run(when_all(std::move(all))), std::runtime_error);
    saved_some = begun < tasks;
  }
  BOOST_TEST(saved_some);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_when_all
