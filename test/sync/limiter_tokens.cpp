// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A limiter used from outside of weir's tasks.

#include <weir/limiter.hpp>

#include "support/foreign.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <future>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(limiter_tokens, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

static_assert(
    std::is_same_v<acquire_operation::signature, void(error_code, permit)>);

BOOST_AUTO_TEST_CASE(a_future_receives_the_permit) {
  weir::limiter l(1);
  weir::permit first = l.acquire()(asio::use_future).get();
  BOOST_TEST(first.weight() == 1u);
  auto second = l.acquire()(asio::use_future);
  BOOST_TEST(l.waiting() == 1u);
  first.release();
  BOOST_TEST(second.get().weight() == 1u);
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(an_awaitable_receives_the_permit) {
  weir::limiter l(2);
  std::size_t held = 0;
  auto main = [&]() -> asio::awaitable<void> {
    weir::permit p = co_await l.acquire(2);
    held = l.in_use();
    co_await asio::post(co_await asio::this_coro::executor, asio::deferred);
  };
  run_foreign(main());
  BOOST_TEST(held == 2u);
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_handler_runs_on_its_own_executor) {
  weir::limiter l(1);
  std::optional<permit> held = l.try_acquire();
  asio::io_context context(1);
  error_code code = asio::error::fault;
  std::size_t weight = 0;
  std::thread::id ran_on;
  l.acquire()(asio::bind_executor(context, [&](error_code ec, permit p) {
    code = ec;
    weight = p.weight();
    ran_on = std::this_thread::get_id();
  }));
  std::thread([&] { held.reset(); }).join();
  BOOST_TEST(weight == 0u);
  context.run();
  BOOST_TEST(code == error_code());
  BOOST_TEST(weight == 1u);
  BOOST_TEST((ran_on == std::this_thread::get_id()));
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_slot_cancels_the_wait) {
  weir::limiter l(1);
  std::optional<permit> held = l.try_acquire();
  asio::io_context context(1);
  asio::cancellation_signal signal;
  error_code code;
  bool empty = false;
  l.acquire()(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(context, [&](error_code ec, permit p) {
        code = ec;
        empty = p.empty();
      })));
  BOOST_TEST(l.waiting() == 1u);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(l.waiting() == 0u);
  context.run();
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(empty);
  BOOST_TEST(l.in_use() == 1u);
}

BOOST_AUTO_TEST_CASE(a_slot_that_comes_too_late_changes_nothing) {
  weir::limiter l(1);
  std::optional<permit> held = l.try_acquire();
  asio::io_context context(1);
  asio::cancellation_signal signal;
  error_code code = asio::error::fault;
  std::size_t weight = 0;
  l.acquire()(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(context, [&](error_code ec, permit p) {
        code = ec;
        weight = p.weight();
      })));
  held.reset(); // granted, on its way to the handler
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_TEST(code == error_code());
  BOOST_TEST(weight == 1u);
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_grant_whose_handler_is_dropped_is_given_back) {
  weir::limiter l(1);
  {
    asio::io_context context(1);
    l.acquire()(asio::bind_executor(context, [](error_code, permit) {}));
    BOOST_TEST(l.in_use() == 1u);
  }
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(an_operation_that_is_never_started_takes_nothing) {
  weir::limiter l(1);
  {
    auto unused = l.acquire();
    BOOST_TEST(l.in_use() == 0u);
    auto moved = std::move(unused);
  }
  BOOST_TEST(l.try_acquire().has_value());
}

BOOST_AUTO_TEST_CASE(an_error_reaches_the_future) {
  weir::limiter l(2);
  std::optional<permit> held = l.try_acquire();
  auto heavy = l.acquire(2)(asio::use_future);
  l.set_capacity(1);
  BOOST_CHECK_EXCEPTION(
      (void)heavy.get(), system_error, has_code(errc::over_capacity));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
