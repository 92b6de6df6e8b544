// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group used again.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/group_error.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

namespace {

// Runs a posted function inside the call.
struct runs_at_once {
  runs_at_once require(asio::execution::blocking_t::never_t) const noexcept {
    return *this;
  }
  template <typename F>
  void execute(F f) const {
    std::move(f)();
  }
  bool operator==(const runs_at_once&) const noexcept = default;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(task_group_reopen, pool_fixture)

using namespace std::chrono_literals;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(a_joined_group_takes_children_again) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      task_group group(pool, {.max_in_flight = cap});
      for (int round = 1; round != 10; ++round) {
        for (int i = 0; i != 20; ++i)
          wait(group.spawn(counts(calls)));
        wait(group.join());
        BOOST_TEST(calls == 20 * round);
        BOOST_CHECK_EXCEPTION(wait(group.spawn(counts(calls))),
                              system_error,
                              has_code(errc::group_closed));
        BOOST_TEST(group.stats().spawned == 20u);
        group.reopen();
        BOOST_TEST(group.stats().spawned == 0u);
        BOOST_TEST(group.stats().rejected == 0u);
        BOOST_TEST(group.stats().peak == 0u);
        BOOST_TEST(group.max_in_flight() == cap);
      }
      wait(group.join());
    }
  }
}

BOOST_AUTO_TEST_CASE(errors_and_cancellations_are_forgotten) {
  gate never(pool.get_executor());
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    task_group group(pool, {.cancellation = form});
    for (int round = 0; round != 3; ++round) {
      const std::size_t before = never.arrivals();
      wait(group.spawn(waits_for(never)));
      block_until([&] { return never.arrivals() == before + 1; });
      wait(group.spawn(fails_with("boom")));
      BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
      group.reopen();
      BOOST_TEST(!group.is_cancelled());
      BOOST_TEST(!group.is_stopping());
      BOOST_TEST(!group.cancel_reason());
      // A child that waits is not cancelled.
      gate door(pool.get_executor());
      wait(group.spawn(waits_for(door)));
      block_until([&] { return door.arrivals() == 1; });
      door.open();
      wait(group.join());
      BOOST_TEST(group.stats().completed == 1u);
      group.reopen();
      wait(group.spawn(waits_for(never)));
      group.cancel_after(1ms);
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), system_error, has_code(asio::error::timed_out));
      group.reopen();
    }
    wait(group.join());
  }
}

BOOST_AUTO_TEST_CASE(kept_errors_go_and_indices_begin_anew) {
  std::atomic<int> alive{0};
  struct marked {
    counted mark;
  };
  auto fails = [&](counted m) -> task<> {
    throw marked{m};
    co_return;
  };
  task_group group(pool, {.errors = collect(2)});
  for (int round = 0; round != 3; ++round) {
    wait(group.spawn(returns()));
    wait(group.spawn(fails, counted(alive)));
    try {
      wait(group.join());
      BOOST_ERROR("no error");
    } catch (const group_error& e) {
      BOOST_TEST(e.failed() == 1u);
      BOOST_TEST_REQUIRE(e.errors().size() == 1u);
      BOOST_TEST(e.errors()[0].index == 1u);
    }
    BOOST_TEST(alive == 1);
    group.reopen();
    // The pool's thread may have been the last owner of the future's state.
    block_until([&] { return alive == 0; });
  }
}

BOOST_AUTO_TEST_CASE(a_group_that_is_not_joined_cannot_be_reopened) {
  gate door(pool.get_executor());
  task_group group(pool);
  BOOST_CHECK_EXCEPTION(group.reopen(), std::logic_error, says("join()"));
  wait(group.spawn(waits_for(door)));
  BOOST_CHECK_THROW(group.reopen(), std::logic_error);
  group.close();
  BOOST_CHECK_THROW(group.reopen(), std::logic_error);
  auto joined = group.join()(asio::use_future);
  BOOST_CHECK_THROW(group.reopen(), std::logic_error);
  door.open();
  joined.get();
  group.reopen();
  BOOST_CHECK_THROW(group.reopen(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(deadlines_and_graces_of_before_are_void) {
  gate door(pool.get_executor());
  task_group group(pool);
  for (int i = 0; i != 300; ++i) {
    // The deadlines expire at about the time of the join.
    group.cancel_after(std::chrono::microseconds(20 * (i % 100)));
    try {
      wait(group.spawn(returns()));
    } catch (const system_error&) {
    }
    try {
      const auto brief = std::chrono::microseconds(20 * (i % 70));
      wait(group.shutdown({.drain = brief, .soft = brief}));
    } catch (const system_error& e) {
      BOOST_TEST(e.code() == asio::error::timed_out);
    }
    group.reopen();
    BOOST_TEST_REQUIRE(!group.is_cancelled());
  }
  auto sleeps = []() -> task<> { co_await sleep_for(5ms); };
  wait(group.spawn(sleeps));
  wait(group.join());
  BOOST_TEST(!group.is_stopping());
}

BOOST_AUTO_TEST_CASE(children_of_after_are_not_told_of_a_cancel_before) {
  // Many children to be cancelled, while the last of them ends and the group is
  // reopened.
  gate never(pool.get_executor());
  task_group group(pool, {.cancellation = on_cancel::unwind});
  for (int round = 0; round != 300; ++round) {
    for (int i = 0; i != 8; ++i)
      wait(group.spawn(waits_for(never)));
    std::thread cancels([&] { group.cancel(); });
    block_until([&] { return group.is_cancelled(); });
    wait(group.join());
    group.reopen();
    std::atomic<int> calls{0};
    gate door(pool.get_executor());
    auto child = [&]() -> task<> {
      co_await door.wait();
      ++calls;
    };
    for (int i = 0; i != 8; ++i)
      wait(group.spawn(child));
    cancels.join();
    door.open();
    wait(group.join());
    BOOST_TEST_REQUIRE(calls == 8);
    group.reopen();
  }
}

BOOST_AUTO_TEST_CASE(a_cancel_is_over_when_the_group_was_reopened_in_it) {
  gate door(pool.get_executor());
  gate later(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(shield(waits_for(door))));
  block_until([&] { return door.arrivals() == 1; });
  auto after = [&]() -> task<> {
    co_await later.wait();
    co_await checkpoint(); // A cancellation would be seen here at the latest.
  };
  // Refused inside cancel(), before the children are cancelled.
  bool reopened = false;
  group.spawn(returns())(asio::bind_executor(
      runs_at_once(), [&](const boost::system::error_code& refused) {
        BOOST_TEST(refused == asio::error::operation_aborted);
        door.open();
        wait(group.join());
        group.reopen();
        reopened = true;
        wait(group.spawn(after));
        block_until([&] { return later.arrivals() == 1; });
      }));
  group.cancel();
  BOOST_TEST(reopened);
  later.open();
  wait(group.join());
  BOOST_TEST(group.stats().completed == 1u);
}

BOOST_AUTO_TEST_CASE(after_a_shutdown_it_opens_too) {
  std::atomic<int> calls{0};
  task_group group(pool);
  for (int i = 0; i != 3; ++i) {
    wait(group.spawn(counts(calls)));
    group.request_stop();
    wait(group.shutdown({.drain = clock::duration::max()}));
    group.reopen();
    BOOST_TEST(!group.is_stopping());
  }
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
