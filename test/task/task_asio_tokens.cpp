// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What docs/06-porting-from-awaitable.md says about tokens in a task. Those
// that do not compile with Boost 1.81 are not here.

#include <weir/task.hpp>

#include "support/pool_fixture.hpp"
#include "support/says.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <tuple>

namespace weir::test::of_task_asio_tokens {

BOOST_FIXTURE_TEST_SUITE(task_asio_tokens, pool_fixture)

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(deferred_goes_into_as_tuple_and_bind_executor) {
  auto waits = [&]() -> task<boost::system::error_code> {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(
        asio::bind_executor(pool.get_executor(), asio::deferred));
    const auto ended =
        co_await timer.async_wait(asio::as_tuple(asio::deferred));
    co_return std::get<0>(ended);
  };
  BOOST_TEST(!run(waits()).failed());
}

BOOST_AUTO_TEST_CASE(use_awaitable_takes_an_allocator) {
  auto waits = []() -> task<> {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(
        asio::bind_allocator(std::allocator<char>(), asio::use_awaitable));
  };
  run(waits());
}

BOOST_AUTO_TEST_CASE(a_slot_bound_to_use_awaitable_ends_the_wait_only) {
  bool goes_on = false;
  std::exception_ptr error;
  auto waits = [&]() -> task<> {
    const auto own = co_await asio::this_coro::executor;
    asio::steady_timer timer(own, 1h);
    asio::cancellation_signal heard;
    // Runs when the task has suspended.
    asio::post(own, [&] { heard.emit(asio::cancellation_type::terminal); });
    try {
      co_await timer.async_wait(
          asio::bind_cancellation_slot(heard.slot(), asio::use_awaitable));
    } catch (...) {
      error = std::current_exception();
    }
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::deferred); // The task is not cancelled.
    goes_on = true;
  };
  run(waits());
  BOOST_TEST(goes_on);
  BOOST_TEST((code_of(error) == asio::error::operation_aborted));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_task_asio_tokens
