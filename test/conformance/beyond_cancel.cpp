// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Properties that no test of errgroup, conc or ants asserts; each is a known
// defect of one of them: cancellation. The rest: beyond.cpp.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>
#include <weir/shield.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "../support/counted.hpp"
#include "../support/gate.hpp"
#include "../support/pool_fixture.hpp"
#include "../support/sanitized.hpp"
#include "../support/says.hpp"
#include "../support/until.hpp"
#include "../support/work.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <optional>
#include <thread>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(beyond_cancel, pool_fixture)

using boost::system::system_error;

// errgroup, conc: a Go at the limit stays blocked.
BOOST_AUTO_TEST_CASE(a_waiter_at_the_limit_wakes_on_cancel) {
  for (std::size_t cap : caps) {
    gate door(pool.get_executor());
    std::atomic<int> calls{0};
    auto stubborn = [&]() -> task<> { co_await shield(waits_for(door)); };
    task_group group(pool, {.max_in_flight = cap});
    for (std::size_t i = 0; i != cap; ++i)
      wait(group.spawn(stubborn));
    block_until([&] { return door.arrivals() == cap; });
    auto waiting = group.spawn(counts(calls))(asio::use_future);
    group.cancel();
    // All slots are still taken.
    BOOST_CHECK_EXCEPTION(
        waiting.get(), system_error, has_code(asio::error::operation_aborted));
    door.open();
    wait(group.join());
    BOOST_TEST(calls == 0);
  }
}

// errgroup, conc: f runs with a dead context.
BOOST_AUTO_TEST_CASE(after_a_cancel_or_an_error_f_is_not_invoked) {
  for (bool fails : {false, true}) {
    std::atomic<int> calls{0};
    std::atomic<int> alive{0};
    auto child = [&](counted) -> task<> {
      ++calls;
      co_return;
    };
    task_group group(pool);
    if (fails)
      wait(group.spawn(fails_with("boom")));
    else
      group.cancel();
    block_until([&] { return group.is_cancelled(); });
    BOOST_CHECK_THROW(wait(group.spawn(child, counted(alive))), system_error);
    BOOST_TEST(
        (group.try_spawn(child, counted(alive)) == spawn_status::cancelled));
    BOOST_TEST(alive == 0); // arguments included
    if (fails)
      BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
    else
      wait(group.join());
    BOOST_TEST(calls == 0);
  }
}

BOOST_AUTO_TEST_CASE(an_exception_while_handling_a_cancel_is_reported) {
  for (bool root_error : {false, true}) {
    gate never(pool.get_executor());
    auto answers = [&]() -> task<> {
      try {
        co_await never.wait();
      } catch (const system_error&) {
        throw std::logic_error("in the clean-up");
      }
    };
    task_group group(pool);
    for (int i = 0; i != 3; ++i)
      wait(group.spawn(answers));
    block_until([&] { return never.arrivals() == 3; });
    if (root_error) {
      wait(group.spawn(fails_with("root")));
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), std::runtime_error, says("root"));
      BOOST_TEST(group.stats().failed == 4u);
    } else {
      group.cancel();
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), std::logic_error, says("in the clean-up"));
      BOOST_TEST(group.stats().failed == 3u);
    }
  }
}

// dotnet/runtime#82427: a callback of the cancellation throws, and the others
// are never called. Here the only callbacks are destructors and handlers.
BOOST_AUTO_TEST_CASE(what_one_child_throws_when_cancelled_stops_no_other) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  task_group group(pool);
  group.set_error_hook([&](const task_failure&) { group.cancel(); });
  auto throws = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (...) {
      throw 1;
    }
  };
  for (int i = 0; i != 20; ++i) {
    wait(group.spawn(throws));
    wait(group.spawn(waits_and_counts(never, ended)));
  }
  block_until([&] { return never.arrivals() == 40; });
  group.cancel();
  BOOST_CHECK_THROW(wait(group.join()), int);
  BOOST_TEST(ended == 20);
  BOOST_TEST(group.stats().failed == 20u);
  BOOST_TEST(group.stats().cancelled == 20u);
}

// cpython#155418: the group does not know the child yet.
BOOST_AUTO_TEST_CASE(a_child_may_cancel_the_group_before_it_first_suspends) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    std::atomic<int> went_on{0};
    auto child = [&](task_group& group) -> task<> {
      group.cancel(asio::error::connection_reset);
      co_await checkpoint();
      ++went_on;
    };
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(child, std::ref(group)));
    wait(group.join());
    BOOST_TEST(went_on == 0);
    BOOST_TEST(group.stats().cancelled == 1u);
    BOOST_TEST(group.cancel_reason() == asio::error::connection_reset);
  }
}

// asio#1332: the emission and the completion happen at once.
BOOST_AUTO_TEST_CASE(a_foreign_thread_may_cancel_while_children_complete) {
  const int rounds = sanitized ? 100 : 1000;
  for (int round = 0; round != rounds; ++round) {
    std::atomic<int> begun{0};
    auto child = [&]() -> task<> {
      asio::steady_timer timer(co_await asio::this_coro::executor,
                               std::chrono::microseconds(50));
      ++begun;
      co_await timer.async_wait(asio::deferred);
    };
    task_group group(pool);
    std::thread cancels([&] {
      while (begun < 1 + round % 10)
        std::this_thread::yield();
      group.cancel();
    });
    for (int i = 0; i != 10; ++i)
      (void)group.try_spawn(child);
    cancels.join();
    wait(group.join());
    const task_group_stats s = group.stats();
    BOOST_TEST_REQUIRE(s.completed + s.cancelled == s.spawned);
  }
}

BOOST_AUTO_TEST_CASE(a_permit_whose_grant_races_a_cancel_is_returned) {
  int granted = 0;
  int aborted = 0;
  for (int round = 0; round != 300 && (granted < 20 || aborted < 20); ++round) {
    limiter permits(1);
    std::optional<permit> held(permits.try_acquire());
    bool got = false;
    auto asks = [&]() -> task<> {
      permit mine = co_await permits.acquire();
      got = true;
    };
    task_group group(pool);
    wait(group.spawn(asks));
    block_until([&] { return permits.waiting() == 1; });
    std::atomic<bool> go{false};
    std::thread gives([&] {
      block_until([&] { return go.load(); });
      held.reset();
    });
    go = true;
    for (int spin = round % 40; spin != 0; --spin)
      std::this_thread::yield();
    group.cancel();
    wait(group.join());
    gives.join();
    BOOST_TEST_REQUIRE(permits.in_use() == 0u);
    BOOST_TEST_REQUIRE(permits.try_acquire().has_value());
    ++(got ? granted : aborted);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
