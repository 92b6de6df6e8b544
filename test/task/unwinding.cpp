// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// unwinding(): one task that ends without an exception.

#include <weir/co_spawn.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/unwinding.hpp>

#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <stdexcept>

namespace weir::test::of_unwinding {

struct parking : pool_fixture {
  gate never{pool.get_executor()};
  auto parked() {
    return [this] { return never.arrivals() != 0; };
  }
};

BOOST_FIXTURE_TEST_SUITE(unwinding, parking)

using boost::system::system_error;
using weir::unwinding;

BOOST_AUTO_TEST_CASE(unwinding_ends_the_work_and_aborts_the_caller) {
  bool inner_handled = false;
  bool inner_destroyed = false;
  boost::system::error_code outer;
  auto work = [&]() -> task<> {
    on_scope_exit mark([&] { inner_destroyed = true; });
    try {
      co_await never.wait();
    } catch (...) {
      inner_handled = true;
    }
  };
  auto child = [&]() -> task<> {
    try {
      co_await unwinding(work());
    } catch (const system_error& e) {
      outer = e.code();
      throw;
    }
  };
  task_group group(pool); // raises
  wait(group.spawn(child));
  block_until(parked());
  group.cancel();
  wait(group.join());
  BOOST_TEST(inner_destroyed);
  BOOST_TEST(!inner_handled);
  BOOST_TEST(outer == asio::error::operation_aborted);
  BOOST_TEST(group.stats().cancelled == 1u);
}

BOOST_AUTO_TEST_CASE(unwinding_passes_values_and_errors) {
  int object = 0;
  auto value = []() -> task<int> { co_return 1; };
  auto refers = [&]() -> task<int&> { co_return object; };
  auto main = [&]() -> task<int> {
    int& same = co_await unwinding(refers());
    co_await unwinding(returns());
    const int n = co_await unwinding(value());
    co_return &same == &object ? n : -1;
  };
  BOOST_TEST(run(main()) == 1);
  BOOST_CHECK_EXCEPTION(
      run(unwinding(fails_with("boom"))), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_root_task_may_unwind) {
  asio::cancellation_signal signal;
  bool handled = false;
  auto work = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (...) {
      handled = true;
    }
  };
  auto result = weir::co_spawn(
      pool,
      unwinding(work()),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until(parked());
  signal.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(
      result.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_TEST(!handled);
}

BOOST_AUTO_TEST_CASE(in_a_task_that_unwinds_the_caller_does_too) {
  bool outer_handled = false;
  bool outer_destroyed = false;
  auto child = [&]() -> task<> {
    on_scope_exit mark([&] { outer_destroyed = true; });
    try {
      co_await unwinding(waits_for(never));
    } catch (...) {
      outer_handled = true;
    }
  };
  task_group group(pool, {.cancellation = on_cancel::unwind});
  wait(group.spawn(child));
  block_until(parked());
  group.cancel();
  wait(group.join());
  BOOST_TEST(outer_destroyed);
  BOOST_TEST(!outer_handled);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_unwinding
