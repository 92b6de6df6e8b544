// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/co_spawn.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/flights.hpp"
#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir::test::of_single_flight {

namespace {

// The user's hash and comparison, which throw from some time on.
struct fussy {
  static inline std::atomic<bool> throws{false};
  static void check() {
    if (throws)
      throw std::runtime_error("fussy");
  }
  std::size_t operator()(int) const {
    check();
    return 1; // Keys collide, and must be compared.
  }
  bool operator()(int a, int b) const {
    check();
    return a == b;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(single_flight, pool_fixture)

using boost::system::system_error;

BOOST_AUTO_TEST_CASE(who_asks_meanwhile_shares_the_call) {
  flights calls(pool);
  fetcher f(pool);
  seen what;
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != 10; ++i)
      co_await group.spawn(asks(calls, f, what));
    co_await until([&] { return calls.waiting() == 10; });
    f.door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(f.calls == 1);
  BOOST_TEST(what.value == 70);
  BOOST_TEST(what.shared == 10);
  BOOST_TEST(calls.waiting() == 0u);
  BOOST_TEST(calls.in_flight() == 0u);
}

BOOST_AUTO_TEST_CASE(one_who_asks_alone_shares_with_nobody) {
  flights calls(pool);
  fetcher f(pool);
  f.door.open();
  seen what;
  run(asks(calls, f, what));
  run(asks(calls, f, what));
  BOOST_TEST(f.calls == 2);
  BOOST_TEST(what.shared == 0);
}

BOOST_AUTO_TEST_CASE(each_key_has_a_call_of_its_own) {
  weir::single_flight<int, int> calls(pool);
  std::atomic<int> made{0};
  auto squares = [&](int n) -> task<int> {
    ++made;
    co_return n* n;
  };
  int sum = 0;
  auto main = [&]() -> task<> {
    for (int n = 1; n != 5; ++n)
      sum += *co_await calls.run(n, squares, n);
  };
  run(main());
  BOOST_TEST(sum == 30);
  BOOST_TEST(made == 4);
}

BOOST_AUTO_TEST_CASE(a_call_ends_although_hash_and_comparison_throw) {
  weir::single_flight<int, int, fussy, fussy> calls(pool);
  gate door(pool.get_executor());
  auto twice = [&](int n) -> task<int> {
    co_await door.wait();
    co_return 2 * n;
  };
  std::atomic<int> sum{0};
  auto asks = [&](int key) -> task<> {
    sum += *co_await calls.run(key, twice, key);
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int key = 1; key != 4; ++key)
      co_await group.spawn(asks(key));
    co_await until([&] { return calls.waiting() == 3; });
    fussy::throws = true;
    on_scope_exit calm([] { fussy::throws = false; });
    door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(sum == 12);
  BOOST_TEST(calls.in_flight() == 0u);
  BOOST_TEST(!calls.forget(1));
}

BOOST_AUTO_TEST_CASE(an_error_reaches_all_unchanged) {
  weir::single_flight<int, void> calls(pool);
  gate door(pool.get_executor());
  std::atomic<int> failed{0};
  auto fails = [&]() -> task<> {
    co_await door.wait();
    throw std::runtime_error("boom");
  };
  auto waits = [&]() -> task<> {
    try {
      (void)co_await calls.run(1, fails);
    } catch (const std::runtime_error& e) {
      failed += std::string(e.what()) == "boom";
    }
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != 5; ++i)
      co_await group.spawn(waits());
    co_await until([&] { return calls.waiting() == 5; });
    door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(failed == 5);
}

BOOST_AUTO_TEST_CASE(values_may_move_only_and_calls_may_have_none) {
  struct token {
    explicit token(int n) : number(std::make_unique<int>(n)) {}
    std::unique_ptr<int> number;
  };
  weir::single_flight<int, token> tokens(pool);
  weir::single_flight<int, void> nothing(pool);
  std::atomic<int> calls{0};
  auto makes = [](std::unique_ptr<int> n) -> task<token> {
    co_return token(*n);
  };
  auto main = [&]() -> task<int> {
    auto result = co_await tokens.run(1, makes, std::make_unique<int>(3));
    auto none = co_await nothing.run(1, [&] { return counts(calls); });
    co_return *result->number + (none.is_shared() ? 10 : 0);
  };
  BOOST_TEST(run(main()) == 3);
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(after_forget_the_next_call_is_a_new_one) {
  flights calls(pool);
  fetcher old(pool);
  fetcher fresh(pool);
  seen first;
  seen second;
  bool forgot[2] = {false, true};
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(asks(calls, old, first, 1));
    co_await until([&] { return old.calls == 1; });
    forgot[0] = calls.forget("key");
    forgot[1] = calls.forget("key");
    co_await group.spawn(asks(calls, fresh, second, 2));
    co_await until([&] { return fresh.calls == 1; });
    old.door.open();
    co_await until([&] { return first.ended == 1; });
    // The end of the old call does not remove the new one.
    co_await group.spawn(asks(calls, fresh, second, 3));
    co_await until([&] { return calls.waiting() == 2; });
    fresh.door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(forgot[0]);
  BOOST_TEST(!forgot[1]);
  BOOST_TEST(first.value == 1);
  BOOST_TEST(second.value == 4);
  BOOST_TEST(fresh.calls == 1);
}

BOOST_AUTO_TEST_CASE(a_call_that_asks_for_its_own_key_is_told) {
  flights calls(pool);
  auto asks_again = [&]() -> task<int> {
    auto result = co_await calls.run("key", []() -> task<int> { co_return 1; });
    co_return *result;
  };
  auto main = [&]() -> task<> { (void)co_await calls.run("key", asks_again); };
  BOOST_CHECK_EXCEPTION(
      run(main()), system_error, has_code(errc::would_deadlock));
}

BOOST_AUTO_TEST_CASE(any_completion_token_works) {
  flights calls(pool);
  fetcher f(pool);
  auto work = f.work();
  auto first = calls.run("key", work, 7)(asio::use_future);
  block_until([&] { return f.calls == 1; });
  asio::cancellation_signal stop;
  std::atomic<int> aborted{0};
  calls.run("key", work, 8)(asio::bind_cancellation_slot(
      stop.slot(), [&](std::exception_ptr error, flight_result<int>) {
        aborted += code_of(error) == asio::error::operation_aborted;
      }));
  BOOST_TEST(calls.waiting() == 2u);
  stop.emit(asio::cancellation_type::terminal);
  block_until([&] { return aborted == 1; });
  auto in_asio = [&]() -> asio::awaitable<int> {
    auto result = co_await calls.run("key", work, 9)(asio::use_awaitable);
    co_return *result;
  };
  f.door.open();
  BOOST_TEST(*first.get() == 7);
  BOOST_TEST(run_foreign(in_asio()) == 9);
}

BOOST_AUTO_TEST_CASE(an_empty_callable_is_refused_at_the_call) {
  flights calls(pool);
  std::function<task<int>()> empty;
  BOOST_CHECK_EXCEPTION(
      (void)calls.run("key", empty),
      std::invalid_argument,
      says("weir::single_flight::run: the callable is empty"));
  BOOST_TEST(calls.in_flight() == 0u);
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_nothing_is_left_behind) {
  std::atomic<int> ended{0};
  {
    weir::runtime brief(2);
    auto never = std::make_shared<gate>(brief.get_executor());
    flights calls(brief);
    auto main = [](flights& from,
                   std::shared_ptr<gate> door,
                   std::atomic<int>& count) -> task<> {
      auto work = [](std::shared_ptr<gate> at,
                     std::atomic<int>& n) -> task<int> {
        on_scope_exit mark([&] { ++n; });
        co_await at->wait();
        co_return 1;
      };
      (void)co_await from.run("key", work, door, std::ref(count));
    };
    for (int i = 0; i != 3; ++i)
      weir::co_spawn(brief, main(calls, never, ended), asio::detached);
    block_until([&] { return calls.waiting() == 3 && never->arrivals() == 1; });
    brief.stop();
    never.reset();
    BOOST_TEST(calls.waiting() == 0u);
    auto late = calls.run("key", [] { return task<int>(); });
    (void)late;
  }
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_single_flight
