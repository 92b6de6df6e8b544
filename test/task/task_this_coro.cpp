// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The vocabulary of asio::this_coro in a task.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/executor.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <tuple>
#include <utility>

namespace weir::test {

struct cancellable : pool_fixture {
  // Runs a task, and calls `meanwhile` with a function that cancels it.
  template <typename T, typename F>
  T run_cancelled(task<T> work, F meanwhile) {
    asio::cancellation_signal signal;
    std::future<T> result = weir::co_spawn(
        pool,
        std::move(work),
        asio::bind_cancellation_slot(signal.slot(), asio::use_future));
    meanwhile([&](asio::cancellation_type type) { signal.emit(type); });
    return result.get();
  }

  gate never{pool.get_executor()};
  auto when_parked(std::size_t arrivals, asio::cancellation_type type) {
    return [this, arrivals, type](const auto& cancel) {
      block_until([&] { return never.arrivals() == arrivals; });
      cancel(type);
    };
  }
};

BOOST_FIXTURE_TEST_SUITE(task_this_coro, cancellable)

using asio::cancellation_type;
using boost::system::error_code;

BOOST_AUTO_TEST_CASE(executor_is_the_same_in_all_coroutines_of_a_task) {
  bool same = false;
  bool differs_from_the_pool = false;
  auto child = []() -> task<executor> {
    co_return co_await asio::this_coro::executor;
  };
  auto main = [&]() -> task<> {
    const executor mine = co_await asio::this_coro::executor;
    const executor its = co_await child();
    same = mine == its;
    differs_from_the_pool = mine != pool.get_executor();
  };
  run(main());
  BOOST_TEST(same);
  BOOST_TEST(differs_from_the_pool);
}

BOOST_AUTO_TEST_CASE(each_task_has_an_executor_of_its_own) {
  auto own = []() -> task<executor> {
    co_return co_await asio::this_coro::executor;
  };
  const executor first = run(own());
  const executor second = run(own());
  BOOST_TEST((first != second));
}

BOOST_AUTO_TEST_CASE(cancellation_state_tells_what_was_requested) {
  cancellation_type before{};
  cancellation_type after{};
  auto main = [&]() -> task<> {
    auto state = co_await asio::this_coro::cancellation_state;
    before = state.cancelled();
    (void)co_await never.wait(asio::as_tuple(asio::deferred));
    auto later = co_await asio::this_coro::cancellation_state;
    after = later.cancelled();
  };
  run_cancelled(main(), when_parked(1, cancellation_type::terminal));
  BOOST_TEST((before == cancellation_type::none));
  BOOST_TEST((after == cancellation_type::terminal));
}

BOOST_AUTO_TEST_CASE(by_default_only_terminal_cancellation_passes) {
  error_code seen;
  std::size_t waits = 0;
  auto main = [&]() -> task<> {
    ++waits;
    std::tuple<error_code> result =
        co_await never.wait(asio::as_tuple(asio::deferred));
    seen = std::get<0>(result);
  };
  run_cancelled(main(), [&](const auto& cancel) {
    block_until([&] { return never.arrivals() == 1; });
    cancel(cancellation_type::total);
    cancel(cancellation_type::partial);
    never.open();
  });
  BOOST_TEST(!seen);
}

BOOST_AUTO_TEST_CASE(a_filter_lets_weaker_types_pass) {
  error_code seen;
  auto main = [&]() -> task<> {
    co_await asio::this_coro::reset_cancellation_state(
        asio::enable_partial_cancellation());
    std::tuple<error_code> result =
        co_await never.wait(asio::as_tuple(asio::deferred));
    seen = std::get<0>(result);
  };
  run_cancelled(main(), when_parked(1, cancellation_type::partial));
  BOOST_TEST(seen == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(a_filter_hides_a_cancellation_but_does_not_forget_it) {
  bool went_on = false;
  bool went_too_far = false;
  gate door(pool.get_executor());
  auto main = [&]() -> task<> {
    co_await asio::this_coro::reset_cancellation_state(
        asio::disable_cancellation());
    co_await door.wait();
    co_await checkpoint();
    went_on = true;
    co_await asio::this_coro::reset_cancellation_state();
    co_await checkpoint();
    went_too_far = true;
  };
  auto meanwhile = [&](const auto& cancel) {
    block_until([&] { return door.arrivals() == 1; });
    cancel(cancellation_type::terminal);
    door.open();
  };
  BOOST_CHECK_EXCEPTION(run_cancelled(main(), meanwhile),
                        boost::system::system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(went_on);
  BOOST_TEST(!went_too_far);
}

BOOST_AUTO_TEST_CASE(a_filter_holds_for_the_coroutines_it_awaits) {
  bool went_on = false;
  gate door(pool.get_executor());
  auto child = [&]() -> task<> {
    co_await door.wait();
    went_on = true;
  };
  auto main = [&]() -> task<> {
    co_await asio::this_coro::reset_cancellation_state(
        asio::disable_cancellation());
    co_await child();
  };
  run_cancelled(main(), [&](const auto& cancel) {
    block_until([&] { return door.arrivals() == 1; });
    cancel(cancellation_type::terminal);
    door.open();
  });
  BOOST_TEST(went_on);
}

BOOST_AUTO_TEST_CASE(every_await_of_a_cancelled_task_throws) {
  int threw = 0;
  int passed = 0;
  auto child = [&]() -> task<> {
    ++passed;
    co_return;
  };
  auto main = [&]() -> task<> {
    for (int i = 0; i != 7; ++i) {
      try {
        switch (i) {
        case 0:
          co_await never.wait();
          break;
        case 1:
          co_await checkpoint();
          break;
        case 2:
          co_await sleep_for(std::chrono::seconds(-1));
          break;
        case 3:
          co_await asio::post(co_await asio::this_coro::executor,
                              asio::deferred);
          break;
        case 4:
          co_await child();
          break;
        case 5:
          (void)co_await never.wait(asio::as_tuple(asio::deferred));
          break;
        case 6:
          co_await sleep_for(std::chrono::hours(1));
          break;
        }
        ++passed;
      } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
          ++threw;
      }
    }
  };
  run_cancelled(main(), when_parked(1, cancellation_type::terminal));
  BOOST_TEST(threw == 7);
  BOOST_TEST(passed == 0);
  BOOST_TEST(never.arrivals() == 1u);
}

BOOST_AUTO_TEST_CASE(throw_if_cancelled_can_be_asked_and_set) {
  bool at_first = false;
  bool when_unset = true;
  bool when_set = false;
  auto main = [&]() -> task<> {
    at_first = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    when_unset = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(true);
    when_set = co_await asio::this_coro::throw_if_cancelled();
  };
  run(main());
  BOOST_TEST(at_first);
  BOOST_TEST(!when_unset);
  BOOST_TEST(when_set);
}

BOOST_AUTO_TEST_CASE(without_throw_if_cancelled_a_task_looks_for_itself) {
  error_code first;
  bool noticed = false;
  bool posted = false;
  auto main = [&]() -> task<> {
    co_await asio::this_coro::throw_if_cancelled(false);
    std::tuple<error_code> result =
        co_await never.wait(asio::as_tuple(asio::deferred));
    first = std::get<0>(result);
    co_await asio::post(co_await asio::this_coro::executor, asio::deferred);
    posted = true;
    auto state = co_await asio::this_coro::cancellation_state;
    noticed = state.cancelled() != cancellation_type::none;
  };
  run_cancelled(main(), when_parked(1, cancellation_type::terminal));
  BOOST_TEST(first == asio::error::operation_aborted);
  BOOST_TEST(posted);
  BOOST_TEST(noticed);
}

BOOST_AUTO_TEST_CASE(the_slot_of_the_state_is_that_of_its_operations) {
  bool same = false;
  auto main = [&]() -> task<> {
    auto state = co_await asio::this_coro::cancellation_state;
    const asio::cancellation_slot slot = state.slot();
    auto compares = asio::async_initiate<const asio::deferred_t, void()>(
        [&](auto handler) {
          same = asio::get_associated_cancellation_slot(handler) == slot;
          std::move(handler)();
        },
        asio::deferred);
    co_await std::move(compares);
  };
  run(main());
  BOOST_TEST(same);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
