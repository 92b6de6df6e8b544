// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// && and || of tasks, and what co_await refuses.

#include <weir/checkpoint.hpp>
#include <weir/operators.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir::test::of_operators {

BOOST_FIXTURE_TEST_SUITE(operators, pool_fixture)

using boost::system::system_error;
using namespace std::chrono_literals;

using nothing = task<>;
using number = task<int>;
using text = task<std::string>;
template <typename L, typename R>
using both_of = decltype(std::declval<L>() && std::declval<R>());
template <typename L, typename R>
using either_of = decltype(std::declval<L>() || std::declval<R>());

// The result types are those of Asio's operators.
template <typename L, typename R, typename T>
concept both_is = std::same_as<both_of<L, R>, task<T>>;
template <typename L, typename R, typename... T>
concept either_is = std::same_as<either_of<L, R>, task<std::variant<T...>>>;

using none = std::monostate;
using pair = task<std::tuple<int, std::string>>;
static_assert(both_is<nothing, nothing, void>);
static_assert(both_is<number, nothing, int>);
static_assert(both_is<nothing, number, int>);
static_assert(both_is<number, text, std::tuple<int, std::string>>);
static_assert(both_is<pair, nothing, std::tuple<int, std::string, none>>);
static_assert(both_is<pair, number, std::tuple<int, std::string, int>>);
static_assert(
    both_is<number, pair, std::tuple<int, std::tuple<int, std::string>>>);
static_assert(both_is<nothing, pair, std::tuple<int, std::string>>);
static_assert(both_is<nothing, task<int&>, int&>);
static_assert(
    both_is<task<int&>, number, std::tuple<std::reference_wrapper<int>, int>>);
static_assert(either_is<nothing, nothing, none, none>);
static_assert(either_is<number, nothing, int, none>);
static_assert(either_is<number, text, int, std::string>);
static_assert(either_is<number, number, int, int>);
static_assert(
    either_is<task<std::variant<int, none>>, text, int, none, std::string>);
static_assert(either_is<text,
                        task<std::variant<int, none>>,
                        std::string,
                        std::variant<int, none>>);
static_assert(both_is<number, asio::awaitable<void>, int>);
static_assert(both_is<asio::awaitable<int>, nothing, int>);
static_assert(either_is<asio::awaitable<int>, text, int, std::string>);

// A named task still says whether it holds anything.
static_assert(std::same_as<both_of<nothing&, bool>, bool>);

// --- what co_await takes ---

template <typename T>
concept can_await =
    !std::same_as<decltype(std::declval<task<>::promise_type&>()
                               .await_transform(std::declval<T>())),
                  detail::explained>; // What that gives does not compile.
static_assert(can_await<nothing>);
static_assert(can_await<both_of<nothing, nothing>>);
static_assert(can_await<asio::this_coro::executor_t>);
static_assert(can_await<decltype(asio::this_coro::throw_if_cancelled(true))>);
static_assert(can_await<decltype(asio::this_coro::throw_if_cancelled())>);
static_assert(can_await<decltype(asio::this_coro::reset_cancellation_state())>);
static_assert(!can_await<bool>);
static_assert(!can_await<int>);
static_assert(!can_await<double>);
static_assert(!can_await<int*>);
static_assert(!can_await<std::nullptr_t>);
static_assert(!can_await<const char (&)[4]>);
static_assert(!can_await<std::true_type>);
static_assert(!can_await<std::optional<int>>);
static_assert(!can_await<std::shared_ptr<int>>);
static_assert(!can_await<nothing&>);

// --- && ---

number gives(int n) {
  co_await checkpoint();
  co_return n;
}
text gives(const char* s) {
  co_await checkpoint();
  co_return s;
}
asio::awaitable<int> awaitable_gives(int n) { co_return n; }
BOOST_AUTO_TEST_CASE(both_run_at_once) {
  gate left_door(pool.get_executor());
  gate right_door(pool.get_executor());
  auto left = [&]() -> task<> {
    right_door.open();
    co_await left_door.wait();
  };
  auto right = [&]() -> task<> {
    left_door.open();
    co_await right_door.wait();
  };
  auto main = [&]() -> task<bool> {
    co_await (left() && right());
    co_return true;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(and_gives_the_results_of_both) {
  int object = 0;
  auto refers = [&]() -> task<int&> { co_return object; };
  auto main = [&]() -> task<bool> {
    bool all = co_await (gives(1) && returns()) == 1;
    all &= co_await (returns() && gives(2)) == 2;
    all &= co_await (gives(1) && gives("a")) ==
           std::tuple<int, std::string>(1, "a");
    all &= co_await (gives(1) && gives(2) && returns() && gives("a")) ==
           std::tuple<int, int, none, std::string>(1, 2, none(), "a");
    all &= &co_await (returns() && refers()) == &object;
    co_return all;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(and_takes_awaitables_and_operations) {
  gate open(pool.get_executor());
  open.open();
  auto main = [&]() -> task<bool> {
    bool all =
        co_await (gives(1) && awaitable_gives(2)) == std::tuple<int, int>(1, 2);
    all &=
        co_await (awaitable_gives(1) && gives(2)) == std::tuple<int, int>(1, 2);
    all &= co_await (open.wait() && gives(3)) == 3;
    all &= co_await (sleep_for(0s) && gives(4)) == 4;
    co_await (sleep_for(0s) && sleep_for(0s));
    co_return all;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(the_first_error_cancels_the_other_and_is_thrown) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  auto fails = [&]() -> task<> {
    co_await until([&] { return never.arrivals() % 2 == 1; });
    throw std::runtime_error("boom");
  };
  BOOST_CHECK_EXCEPTION(run(waits_and_counts(never, ended) && fails()),
                        std::runtime_error,
                        says("boom"));
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(a_cancelled_and_throws_one_abort) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    std::atomic<bool> went_on{false};
    auto child = [&]() -> task<> {
      co_await (waits_and_counts(never, ended) &&
                waits_and_counts(never, ended));
      went_on = true;
    };
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(child);
      co_await until([&] { return never.arrivals() == 2; });
      group.cancel();
    };
    BOOST_CHECK_NO_THROW(run(with_task_group({.cancellation = form}, body)));
    BOOST_TEST(ended == 2);
    BOOST_TEST(!went_on);
  }
}

// --- || ---

BOOST_AUTO_TEST_CASE(the_first_success_cancels_the_other) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  auto main = [&]() -> task<bool> {
    auto first = co_await (gives(1) || waits_and_counts(never, ended));
    auto second = co_await (waits_and_counts(never, ended) || gives("a"));
    co_return std::get<0>(first) == 1 && std::get<1>(second) == "a";
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(or_goes_on_after_an_error) {
  auto main = []() -> task<int> {
    auto won = co_await (fails_with("boom") || gives(1));
    co_return std::get<1>(won);
  };
  BOOST_TEST(run(main()) == 1);
}

BOOST_AUTO_TEST_CASE(or_with_a_sleep_is_a_timeout) {
  testing::deterministic_runtime virtually;
  auto late = []() -> task<int> {
    co_await sleep_for(1h);
    co_return 1;
  };
  auto main = [&]() -> task<std::size_t> {
    auto won = co_await (late() || sleep_for(1s));
    co_return won.index();
  };
  BOOST_TEST(virtually.run(main()) == 1u);
}

BOOST_AUTO_TEST_CASE(when_both_fail_the_error_that_came_first_is_kept) {
  testing::deterministic_runtime virtually;
  auto fails_after = [](clock::duration d, const char* what) -> task<> {
    co_await sleep_for(d);
    throw std::runtime_error(what);
  };
  auto main = [&](clock::duration left,
                  clock::duration right) -> task<std::string> {
    try {
      co_await (fails_after(left, "left") || fails_after(right, "right"));
    } catch (const asio::multiple_exceptions& e) {
      co_return text_of(e.first_exception());
    }
    co_return "";
  };
  BOOST_TEST(virtually.run(main(1s, 2s)) == "left");
  BOOST_TEST(virtually.run(main(2s, 1s)) == "right");
}

BOOST_AUTO_TEST_CASE(a_cancelled_or_throws_one_abort) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    auto child = [&]() -> task<> {
      co_await (waits_and_counts(never, ended) ||
                waits_and_counts(never, ended));
    };
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(child);
      co_await until([&] { return never.arrivals() == 2; });
      group.cancel();
    };
    BOOST_CHECK_NO_THROW(run(with_task_group({.cancellation = form}, body)));
    BOOST_TEST(ended == 2);
  }
}

BOOST_AUTO_TEST_CASE(operators_nest) {
  gate never(pool.get_executor());
  auto main = [&]() -> task<bool> {
    auto pair_won = co_await ((gives(1) && gives("a")) || waits_for(never));
    auto third = co_await (waits_for(never) || waits_for(never) || gives(3));
    auto inner = co_await ((waits_for(never) && gives(1)) || gives(4));
    co_return std::get<0>(pair_won) == std::tuple<int, std::string>(1, "a") &&
        third.index() == 2 && std::get<2>(third) == 3 && inner.index() == 1;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(a_move_only_result_is_moved) {
  auto owns = []() -> task<std::unique_ptr<int>> {
    co_return std::make_unique<int>(5);
  };
  gate never(pool.get_executor());
  auto main = [&]() -> task<int> {
    auto both = co_await (owns() && owns());
    auto one = co_await (owns() || waits_for(never));
    auto wide = co_await (waits_for(never) || waits_for(never) || owns());
    co_return *std::get<0>(both) + *std::get<0>(one) + *std::get<2>(wide);
  };
  BOOST_TEST(run(main()) == 15);
}

// --- both ---

BOOST_AUTO_TEST_CASE(nothing_runs_until_it_is_awaited) {
  std::atomic<int> calls{0};
  {
    auto both = counts(calls) && counts(calls);
    auto either = counts(calls) || counts(calls);
    BOOST_TEST(static_cast<bool>(both));
    BOOST_TEST(static_cast<bool>(either));
  }
  BOOST_TEST(calls == 0);
  run(counts(calls) && counts(calls));
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(an_empty_operand_is_refused_at_the_call) {
  BOOST_CHECK_EXCEPTION((void)(returns() && task<>()),
                        std::invalid_argument,
                        says("weir::operator&&: the task is empty"));
  BOOST_CHECK_EXCEPTION((void)(task<>() || returns()),
                        std::invalid_argument,
                        says("weir::operator||: the task is empty"));
}

BOOST_AUTO_TEST_CASE(operators_of_asio_still_serve_two_awaitables) {
  // A directive would be hidden by the operators of this test's namespace.
  using asio::experimental::awaitable_operators::operator&&;
  auto main = []() -> task<bool> {
    auto both = co_await (awaitable_gives(1) && awaitable_gives(2));
    auto mixed = co_await (gives(1) && awaitable_gives(2));
    co_return both == mixed;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_operators
