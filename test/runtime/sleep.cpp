// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// sleep_for(), sleep_until() and checkpoint().

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/deterministic.hpp"
#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/patiently.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace weir::test::of_sleep {

BOOST_FIXTURE_TEST_SUITE(sleep, pool_fixture)

using namespace std::chrono_literals;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(is_never_early) {
  std::atomic<int> early{0};
  std::atomic<int> woken{0};
  auto sleeper = [&](std::chrono::microseconds d) -> task<> {
    const auto begin = clock::now();
    co_await sleep_for(d);
    early += clock::now() - begin < d;
    ++woken;
  };
  auto until_then = [&](std::chrono::microseconds d) -> task<> {
    const auto deadline = clock::now() + d;
    co_await sleep_until(deadline);
    early += clock::now() < deadline;
    ++woken;
  };
  task_group group(pool);
  std::minstd_rand random(1);
  for (int i = 0; i != 300; ++i) {
    const std::chrono::microseconds d(random() % 40'000);
    wait(group.spawn(sleeper, std::chrono::microseconds(d)));
    wait(group.spawn(until_then, std::chrono::microseconds(d)));
  }
  wait(group.join());
  BOOST_TEST(woken == 600);
  BOOST_TEST(early == 0);
}

BOOST_AUTO_TEST_CASE(wakes_in_the_order_of_the_deadlines) {
  // One thread, which wakes the tasks in order however late it is; the
  // deadlines are further apart than the wheel's tick.
  weir::runtime one(1);
  BOOST_TEST(patiently([&](clock::duration d) {
    journal<int> order;
    std::atomic<int> asleep{0};
    bool all_asleep = false;
    {
      task_group group(one);
      const auto begin = clock::now() + d;
      for (int rank : {3, 1, 4, 0, 2, 5}) {
        auto sleeper = [&, rank]() -> task<> {
          ++asleep;
          co_await sleep_until(begin + rank * 3ms);
          order.add(rank);
        };
        wait(group.spawn(sleeper));
      }
      block_until([&] { return asleep == 6; });
      all_asleep = clock::now() < begin;
      wait(group.join());
    }
    const std::vector<int> woken = order.entries();
    BOOST_TEST(woken.size() == 6u);
    if (all_asleep)
      BOOST_TEST(std::is_sorted(woken.begin(), woken.end()));
    return all_asleep;
  }));
}

BOOST_AUTO_TEST_CASE(a_deadline_in_the_past_is_over_at_once) {
  auto main = []() -> task<> {
    co_await sleep_for(0s);
    co_await sleep_for(-1ns);
    co_await sleep_for(-1h);
    co_await sleep_for(std::chrono::hours::min());
    co_await sleep_for(clock::duration::min());
    co_await sleep_for(std::chrono::duration<double>(-1e300));
    co_await sleep_until(clock::now() - 1s);
    co_await sleep_until(clock::time_point::min());
    co_await sleep_until(clock::time_point());
  };
  run(main());
  deterministic_runtime virtual_one;
  virtual_one.run(main());
  BOOST_TEST((virtual_one.elapsed() == 0s));
}

// Each must still sleep when it is cancelled, and not fire meanwhile.
BOOST_AUTO_TEST_CASE(a_deadline_beyond_the_clock_never_comes) {
  std::atomic<int> woken{0};
  std::atomic<int> asleep{0};
  auto sleeps = [&](sleep_operation op) -> task<> {
    ++asleep;
    co_await std::move(op);
    ++woken;
  };
  task_group group(pool);
  wait(group.spawn(sleeps(sleep_until(clock::time_point::max()))));
  wait(group.spawn(sleeps(sleep_for(clock::duration::max()))));
  wait(group.spawn(sleeps(sleep_for(std::chrono::hours::max()))));
  wait(group.spawn(sleeps(sleep_for(std::chrono::duration<double>(1e300)))));
  wait(group.spawn(sleeps(
      sleep_until(clock::time_point::max() - std::chrono::nanoseconds(1)))));
  wait(group.spawn(sleeps(sleep_for(1000h * 24 * 365))));
  wait(group.spawn(sleeps(sleep_for(std::chrono::duration<double>(
      std::numeric_limits<double>::infinity())))));
  block_until([&] { return asleep == 7; });
  // Another sleep is on time all the same.
  auto short_sleep = []() -> task<> { co_await sleep_for(5ms); };
  run(short_sleep());
  BOOST_TEST(woken == 0);
  group.cancel();
  wait(group.join());
  BOOST_TEST(woken == 0);
  BOOST_TEST(group.stats().cancelled == 7u);
}

BOOST_AUTO_TEST_CASE(durations_of_every_distance_cross_the_wheel) {
  // Far deadlines are cancelled; near ones, armed among them, fire.
  std::atomic<int> near{0};
  task_group far(pool);
  auto sleeps = [](clock::duration d) -> task<> { co_await sleep_for(d); };
  for (int shift = 0; shift != 60; ++shift)
    wait(far.spawn(sleeps,
                   std::chrono::hours(1) +
                       clock::duration(std::int64_t{1} << shift)));
  auto counts_near = [&](clock::duration d) -> task<> {
    co_await sleep_for(d);
    ++near;
  };
  task_group group(pool);
  for (int ms : {0, 1, 2, 63, 64, 65, 127, 128, 255, 256, 257})
    wait(group.spawn(counts_near, std::chrono::milliseconds(ms)));
  wait(group.join());
  BOOST_TEST(near == 11);
  BOOST_TEST(far.stats().in_flight == 60u);
  far.cancel();
  wait(far.join());
}

BOOST_AUTO_TEST_CASE(ten_thousand_sleepers_take_no_longer_than_one) {
  std::atomic<int> woken{0};
  auto main = [&]() -> task<clock::duration> {
    const auto begin = clock::now();
    task_group group(pool);
    auto sleeper = [&]() -> task<> {
      co_await sleep_for(30ms);
      ++woken;
    };
    for (int i = 0; i != 10'000; ++i)
      co_await group.spawn(sleeper);
    co_await group.join();
    co_return clock::now() - begin;
  };
  const auto took = run(main());
  BOOST_TEST(woken == 10'000);
  BOOST_TEST((took >= 30ms));
}

BOOST_AUTO_TEST_CASE(a_sleep_object_may_be_made_early) {
  // The deadline counts from sleep_for(), not from the await.
  auto main = []() -> task<bool> {
    auto op = sleep_for(5ms);
    co_await sleep_for(10ms);
    co_await std::move(op);
    co_return true;
  };
  BOOST_TEST(run(main()));
}

// --- checkpoint ---

BOOST_AUTO_TEST_CASE(checkpoint_lets_other_tasks_run) {
  weir::runtime one(1);
  std::atomic<bool> done{false};
  auto spins = [&]() -> task<> {
    while (!done)
      co_await checkpoint();
  };
  auto ends_it = [&]() -> task<> {
    done = true;
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(one);
    co_await group.spawn(spins);
    co_await group.spawn(ends_it);
    co_await group.join();
  };
  one.run(main());
}

BOOST_AUTO_TEST_CASE(checkpoint_lets_timers_and_handlers_of_asio_run) {
  weir::runtime one(1);
  std::atomic<int> seen{0};
  auto spins = [&]() -> task<> {
    while (seen != 3)
      co_await checkpoint();
  };
  auto sleeps = [&]() -> task<> {
    co_await sleep_for(1ms);
    ++seen;
  };
  auto asio_timer = [&]() -> task<> {
    asio::steady_timer timer(one.get_executor(), 1ms);
    co_await timer.async_wait(asio::deferred);
    ++seen;
  };
  auto main = [&]() -> task<> {
    task_group group(one);
    co_await group.spawn(spins);
    co_await group.spawn(sleeps);
    co_await group.spawn(asio_timer);
    asio::post(one.get_executor(), [&] { ++seen; });
    co_await group.join();
  };
  one.run(main());
  BOOST_TEST(seen == 3);
}

BOOST_AUTO_TEST_CASE(checkpoint_wakes_no_other_worker) {
  run([](runtime& pool) -> task<> {
    co_await until([&] { return pool.stats().busy == 1; });
    for (int i = 0; i != 1000; ++i) {
      co_await checkpoint();
      BOOST_TEST_REQUIRE(pool.stats().busy == 1u);
    }
  }(pool));
}

BOOST_AUTO_TEST_CASE(checkpoint_works_in_an_awaitable) {
  auto main = []() -> asio::awaitable<int> {
    for (int i = 0; i != 10; ++i)
      co_await checkpoint()(asio::use_awaitable);
    co_return 1;
  };
  BOOST_TEST(run_foreign(main()) == 1);
}

BOOST_AUTO_TEST_CASE(checkpoint_ends_a_cancelled_task) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      std::atomic<bool> running{false};
      std::atomic<bool> caught{false};
      auto spins = [&]() -> task<> {
        running = true;
        try {
          for (;;)
            co_await checkpoint();
        } catch (const system_error& e) {
          caught = e.code() == asio::error::operation_aborted;
          throw;
        }
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(spins));
      block_until([&] { return running.load(); });
      group.cancel();
      wait(group.join());
      BOOST_TEST(caught == (form == on_cancel::raise));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_number_is_no_time) {
  using seconds = std::chrono::duration<double>;
  auto main = []() -> task<> {
    co_await sleep_for(seconds(std::numeric_limits<double>::quiet_NaN()));
  };
  run(main()); // The watchdog would end it.
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_sleep
