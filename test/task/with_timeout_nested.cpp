// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A timeout among other timeouts, groups and cancellations.

#include <weir/checkpoint.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/patiently.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(with_timeout_nested, pool_fixture)

using weir::with_timeout;
using namespace std::chrono_literals;
using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_cancellation_from_outside_is_no_timeout) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      error_code code;
      auto child = [&]() -> task<> {
        try {
          co_await with_timeout(1h, waits_for(never));
        } catch (const system_error& e) {
          code = e.code();
          throw;
        }
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(child));
      block_until([&] { return never.arrivals() == 1; });
      group.cancel();
      wait(group.join());
      BOOST_TEST(group.stats().cancelled == 1u);
      BOOST_TEST(code == (form == on_cancel::raise
                              ? error_code(asio::error::operation_aborted)
                              : error_code()));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancellation_is_none_when_the_time_is_over_later) {
  deterministic_runtime runtime;
  error_code code;
  auto stubborn = []() -> task<> {
    auto sleeps = []() -> task<> { co_await sleep_for(20ms); };
    co_await shield(sleeps());
    co_await checkpoint();
  };
  auto child = [&]() -> task<> {
    try {
      co_await with_timeout(10ms, stubborn());
    } catch (const system_error& e) {
      code = e.code();
      throw;
    }
  };
  auto main = [&]() -> task<> {
    task_group group(co_await asio::this_coro::executor);
    co_await group.spawn(child);
    co_await sleep_for(5ms);
    group.cancel();
    co_await group.join();
  };
  runtime.run(main());
  BOOST_TEST((runtime.elapsed() == 20ms));
  BOOST_TEST(code == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(a_timeout_in_an_unwinding_group_is_an_error) {
  task_group group(pool, {.cancellation = on_cancel::unwind});
  auto sleeps = []() -> task<> { co_await sleep_for(1h); };
  wait(group.spawn(with_timeout(1ms, sleeps())));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), system_error, has_code(asio::error::timed_out));
  BOOST_TEST(group.stats().failed == 1u);
}

BOOST_AUTO_TEST_CASE(the_inner_of_two_timeouts_leaves_the_outer_alone) {
  auto sleeps = []() -> task<> { co_await sleep_for(1h); };
  bool after_inner = false;
  auto inner_first = [&]() -> task<> {
    try {
      co_await with_timeout(1ms, sleeps());
    } catch (const system_error& e) {
      if (e.code() != asio::error::timed_out)
        throw;
    }
    co_await checkpoint();
    after_inner = true;
  };
  run(with_timeout(1h, inner_first()));
  BOOST_TEST(after_inner);
}

BOOST_AUTO_TEST_CASE(the_outer_of_two_timeouts_is_an_abort_to_the_inner) {
  auto sleeps = []() -> task<> { co_await sleep_for(1h); };
  bool begun = false;
  error_code inner;
  auto work = [&]() -> task<> {
    begun = true;
    try {
      co_await with_timeout(1h, sleeps());
    } catch (const system_error& e) {
      inner = e.code();
      throw;
    }
  };
  BOOST_TEST(patiently([&](clock::duration d) {
    BOOST_CHECK_EXCEPTION(run(with_timeout(d, work())),
                          system_error,
                          has_code(asio::error::timed_out));
    return begun;
  }));
  BOOST_TEST(inner == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(a_timeout_cancels_and_joins_a_nested_group) {
  BOOST_TEST(patiently([&](clock::duration d) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    auto work = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        for (int i = 0; i != 5; ++i)
          co_await group.spawn(waits_and_counts(never, ended));
      });
    };
    BOOST_CHECK_EXCEPTION(run(with_timeout(d, work())),
                          system_error,
                          has_code(asio::error::timed_out));
    const int begun = static_cast<int>(never.arrivals());
    BOOST_TEST(ended >= begun);
    return begun == 5;
  }));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
