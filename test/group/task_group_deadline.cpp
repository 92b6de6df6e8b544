// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// cancel_after() and cancel_at().

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/patiently.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_deadline, pool_fixture)

using namespace std::chrono_literals;
using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(join_throws_timed_out_when_the_deadline_has_passed) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      task_group group(pool, {.cancellation = form});
      for (int i = 0; i != 5; ++i)
        wait(group.spawn(waits_and_counts(never, ended)));
      block_until([&] { return never.arrivals() == 5; });
      const auto begin = clock::now();
      group.cancel_after(10ms);
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), system_error, has_code(asio::error::timed_out));
      BOOST_TEST((clock::now() - begin >= 10ms));
      BOOST_TEST(group.cancel_reason() == asio::error::timed_out);
      BOOST_TEST(ended == 5);
      BOOST_TEST(group.stats().cancelled == 5u);
      BOOST_TEST(group.stats().failed == 0u);
      // Again, the same outcome.
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), system_error, has_code(asio::error::timed_out));
    }
  }
}

BOOST_AUTO_TEST_CASE(it_ends_the_body_of_with_task_group_too) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      bool went_on = false;
      bool after = false;
      auto main = [&]() -> task<> {
        try {
          co_await with_task_group({.cancellation = form},
                                   [&](task_group& group) -> task<> {
                                     group.cancel_after(2ms);
                                     co_await never.wait();
                                     went_on = true;
                                   });
        } catch (const system_error& e) {
          if (e.code() != asio::error::timed_out)
            throw;
        }
        co_await checkpoint(); // only the group was cancelled
        after = true;
      };
      run(main());
      BOOST_TEST(!went_on);
      BOOST_TEST(after);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_negative_duration_cancels_at_once) {
  std::atomic<int> calls{0};
  for (clock::duration d :
       {clock::duration(-1ns), clock::duration(-1h), clock::duration::min()}) {
    task_group group(pool);
    group.cancel_after(d);
    // The cancellation may happen on any thread.
    block_until([&] { return group.is_cancelled(); });
    BOOST_CHECK_EXCEPTION(wait(group.spawn(counts(calls))),
                          system_error,
                          has_code(asio::error::operation_aborted));
    BOOST_CHECK_EXCEPTION(
        wait(group.join()), system_error, has_code(asio::error::timed_out));
  }
  task_group group(pool);
  group.cancel_at(clock::time_point::min());
  block_until([&] { return group.is_cancelled(); });
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), system_error, has_code(asio::error::timed_out));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(an_endless_duration_is_none) {
  task_group group(pool);
  group.cancel_after(clock::duration::max());
  wait(group.spawn(returns()));
  group.cancel_after(std::chrono::hours::max());
  group.cancel_at(clock::time_point::max());
  auto sleeps = []() -> task<> { co_await sleep_for(5ms); };
  wait(group.spawn(sleeps));
  wait(group.join());
  BOOST_TEST(!group.is_cancelled());
}

BOOST_AUTO_TEST_CASE(a_group_joined_in_time_never_times_out) {
  BOOST_TEST(patiently([&](clock::duration d) {
    task_group group(pool);
    const auto deadline = clock::now() + d;
    group.cancel_at(deadline);
    try {
      wait(group.spawn(returns()));
      wait(group.join());
    } catch (const system_error&) {
      BOOST_TEST((clock::now() >= deadline));
      try {
        wait(group.join());
      } catch (const system_error&) {
      }
      return false;
    }
    auto sleeps = [&]() -> task<> { co_await sleep_until(deadline + 5ms); };
    run(sleeps());
    wait(group.join());
    BOOST_TEST(!group.is_cancelled());
    return true;
  }));
}

BOOST_AUTO_TEST_CASE(a_group_may_be_destroyed_before_its_deadline) {
  for (int i = 0; i != 200; ++i) {
    task_group group(pool);
    group.cancel_after(std::chrono::microseconds(10 * i));
    try {
      if (i % 2 == 0)
        wait(group.spawn(returns()));
    } catch (const system_error& e) {
      // Refused: the deadline was there first.
      BOOST_TEST(e.code() == asio::error::operation_aborted);
    }
    try {
      wait(group.join());
    } catch (const system_error& e) {
      BOOST_TEST(e.code() == asio::error::timed_out);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_later_call_replaces_an_earlier_one) {
  BOOST_TEST(patiently([&](clock::duration d) {
    task_group later(pool);
    const auto first = clock::now() + d;
    later.cancel_at(first);
    later.cancel_after(1h);
    if (clock::now() >= first) {
      later.cancel();
      block_until([&] { return later.is_cancelled(); });
      return false;
    }
    auto sleeps = [&]() -> task<> { co_await sleep_until(first + 5ms); };
    wait(later.spawn(sleeps));
    wait(later.join());
    BOOST_TEST(!later.is_cancelled());
    return true;
  }));

  gate door(pool.get_executor());
  task_group sooner(pool);
  sooner.cancel_after(1h);
  wait(sooner.spawn(waits_for(door)));
  sooner.cancel_after(2ms);
  BOOST_CHECK_EXCEPTION(
      wait(sooner.join()), system_error, has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(a_plain_cancel_before_the_deadline_is_no_timeout) {
  gate never(pool.get_executor());
  task_group group(pool);
  group.cancel_after(1h);
  wait(group.spawn(waits_for(never)));
  group.cancel();
  wait(group.join());
  BOOST_TEST(group.cancel_reason() == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(after_a_cancel_a_deadline_changes_nothing) {
  gate door(pool.get_executor());
  auto stubborn = [&]() -> task<> { co_await shield(waits_for(door)); };
  task_group group(pool);
  wait(group.spawn(stubborn));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel(asio::error::connection_reset);
  group.cancel_after(-1s); // It is over when this returns.
  BOOST_TEST(group.cancel_reason() == asio::error::connection_reset);
  door.open();
  wait(group.join()); // does not throw timed_out
}

BOOST_AUTO_TEST_CASE(an_error_counts_more_than_a_deadline) {
  gate never(pool.get_executor());
  // Before it.
  task_group before(pool);
  before.cancel_after(1h);
  wait(before.spawn(fails_with("before")));
  BOOST_CHECK_EXCEPTION(
      wait(before.join()), std::runtime_error, says("before"));

  // After a child failed.
  task_group late(pool, {.errors = on_error::keep_going});
  wait(late.spawn(fails_with("early error")));
  block_until([&] { return late.stats().failed == 1; });
  wait(late.spawn(waits_for(never)));
  late.cancel_after(1ms);
  BOOST_CHECK_EXCEPTION(
      wait(late.join()), std::runtime_error, says("early error"));

  // As the reaction to it.
  auto answers = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("answer");
    }
  };
  const std::size_t arrivals = never.arrivals();
  task_group answered(pool);
  wait(answered.spawn(answers));
  block_until([&] { return never.arrivals() == arrivals + 1; });
  answered.cancel_after(1ms);
  BOOST_CHECK_EXCEPTION(
      wait(answered.join()), std::runtime_error, says("answer"));
}

BOOST_AUTO_TEST_CASE(a_spawn_that_waits_is_refused_at_the_deadline) {
  gate never(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(never)));
  auto waiting = group.spawn(counts(calls))(asio::use_future);
  group.cancel_after(2ms);
  BOOST_CHECK_EXCEPTION(
      waiting.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), system_error, has_code(asio::error::timed_out));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(an_outer_cancellation_is_no_timeout) {
  gate never(pool.get_executor());
  error_code code;
  auto child = [&]() -> task<> {
    try {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        group.cancel_after(1h);
        co_await group.spawn(waits_for(never));
      });
    } catch (const system_error& e) {
      code = e.code();
      throw;
    }
  };
  task_group outer(pool);
  wait(outer.spawn(child));
  block_until([&] { return never.arrivals() == 1; });
  outer.cancel();
  wait(outer.join());
  BOOST_TEST(code == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
