// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancellation, from threads outside of the pool, of tasks in every kind of
// wait. Mainly for the thread sanitizer.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/limiter.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "../support/counted.hpp"
#include "../support/gate.hpp"
#include "../support/loopback.hpp"
#include "../support/pool_fixture.hpp"
#include "../support/until.hpp"
#include "../support/work.hpp"
#include "seed.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

struct storm_fixture {
  watchdog dog;
  weir::runtime pool{3};
  std::atomic<bool> is_cancelled{
      false}; // a cancel() of this round has returned

  // Runs children made by `make(n)` in one group after the other; two threads
  // cancel each group at a random moment.
  template <typename Make>
  void storm(std::chrono::milliseconds length, int children, Make make) {
    const auto end = std::chrono::steady_clock::now() + length;
    std::uint64_t cancelled = 0;
    std::uint64_t completed = 0;
    for (std::uint64_t round = 0; std::chrono::steady_clock::now() < end;
         ++round) {
      chance random(round);
      std::atomic<int> alive{0};
      is_cancelled = false;
      auto child = [&](std::size_t n, counted) -> task<> { co_await make(n); };
      {
        task_group group(pool,
                         {.cancellation = random.one_in(2)
                                              ? on_cancel::raise
                                              : on_cancel::unwind});
        std::vector<std::thread> threads;
        const std::size_t when =
            random.below(2 * static_cast<std::size_t>(children));
        for (std::size_t t = 0; t != 2; ++t)
          threads.emplace_back([&, t] {
            block_until([&] {
              const std::uint64_t spawned = group.stats().spawned;
              return spawned + t >= when || group.is_cancelled() ||
                     spawned == static_cast<std::size_t>(children);
            });
            for (std::size_t spin = when % 64; spin != 0; --spin)
              std::this_thread::yield();
            group.cancel();
            is_cancelled = true;
          });
        for (int n = 0; n != children; ++n)
          if (group.try_spawn(child,
                              static_cast<std::size_t>(n),
                              counted(alive)) != spawn_status::started)
            break;
        group.join()(asio::use_future).get();
        for (std::thread& t : threads)
          t.join();
        const task_group_stats s = group.stats();
        BOOST_TEST(s.failed == 0u);
        BOOST_TEST(s.completed + s.cancelled == s.spawned);
        cancelled += s.cancelled;
        completed += s.completed;
      }
      BOOST_TEST(alive == 0);
    }
    BOOST_TEST_MESSAGE(cancelled << " cancelled, " << completed
                                 << " completed");
  }
};

BOOST_FIXTURE_TEST_SUITE(cancel_storm, storm_fixture)

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(on_timers_of_asio) {
  storm(600ms, 200, [&](std::size_t n) -> task<> {
    asio::steady_timer timer(pool.get_executor(),
                             std::chrono::microseconds(20 * n));
    co_await timer.async_wait(asio::deferred);
  });
}

BOOST_AUTO_TEST_CASE(on_timers_of_asio_that_live_on_the_task) {
  storm(400ms, 200, [&](std::size_t n) -> task<> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i != 3; ++i) {
      timer.expires_after(std::chrono::microseconds(10 * n));
      co_await timer.async_wait(asio::deferred);
    }
  });
}

BOOST_AUTO_TEST_CASE(on_sleeps) {
  storm(600ms, 500, [&](std::size_t n) -> task<> {
    co_await sleep_for(std::chrono::microseconds(10 * n));
  });
}

BOOST_AUTO_TEST_CASE(on_timeouts) {
  auto sleeps = [](std::size_t us) -> task<> {
    co_await sleep_for(std::chrono::microseconds(us));
  };
  storm(400ms, 200, [&](std::size_t n) -> task<> {
    try {
      co_await with_timeout(std::chrono::microseconds(7 * n), sleeps(10 * n));
    } catch (const boost::system::system_error& e) {
      if (e.code() != asio::error::timed_out)
        throw;
    }
  });
}

BOOST_AUTO_TEST_CASE(on_sockets) {
  storm(800ms, 20, [&](std::size_t n) -> task<> {
    loopback pair(pool.get_executor());
    std::array<char, 64> bytes{};
    for (int i = 0; i != 20; ++i) {
      (void)co_await asio::async_write(
          pair.here, asio::buffer(bytes.data(), 1 + n), asio::deferred);
      (void)co_await pair.there.async_read_some(asio::buffer(bytes),
                                                asio::deferred);
    }
    if (n % 2 == 0)
      co_return;
    // No more data arrives.
    (void)co_await pair.there.async_read_some(asio::buffer(bytes),
                                              asio::deferred);
  });
}

BOOST_AUTO_TEST_CASE(on_awaitables_of_asio) {
  auto in_asio = [](std::size_t n) -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i != 3; ++i) {
      timer.expires_after(std::chrono::microseconds(10 * n));
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
  storm(800ms, 200, [&](std::size_t n) -> task<> { co_await in_asio(n); });
}

BOOST_AUTO_TEST_CASE(on_checkpoints) {
  storm(400ms, 50, [](std::size_t n) -> task<> {
    for (std::size_t i = 0; i != 10 * n; ++i)
      co_await checkpoint();
  });
}

// Endless loops: each is ended by its next await, even before its turn ends.
BOOST_AUTO_TEST_CASE(on_awaits_that_are_ready_at_once) {
  limiter permits(100);
  std::atomic<int> late{0};
  auto one = []() -> task<int> { co_return 1; };
  storm(800ms, 50, [&](std::size_t n) -> task<> {
    channel<int> values(1);
    for (;;) {
      const bool is_late = is_cancelled;
      switch (n % 4) {
      case 0: {
        const permit held = co_await permits.acquire();
        break;
      }
      case 1:
        (void)values.try_send(1);
        (void)co_await values.receive();
        break;
      case 2:
        (void)co_await one();
        break;
      default:
        co_await sleep_for(0s);
        break;
      }
      late += is_late;
    }
  });
  BOOST_TEST(late == 0);
}

BOOST_AUTO_TEST_CASE(on_nested_groups) {
  storm(800ms, 30, [&](std::size_t n) -> task<> {
    auto sleeps = [](std::size_t us) -> task<> {
      co_await sleep_for(std::chrono::microseconds(us));
    };
    co_await with_task_group({.max_in_flight = 2},
                             [&](task_group& group) -> task<> {
                               for (std::size_t i = 0; i != 5; ++i)
                                 co_await group.spawn(sleeps, 20 * n);
                             });
  });
}

BOOST_AUTO_TEST_CASE(on_gates_that_open_meanwhile) {
  gate door(pool.get_executor());
  storm(300ms, 100, [&](std::size_t n) -> task<> {
    if (n == 50)
      door.open();
    co_await door.wait();
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
