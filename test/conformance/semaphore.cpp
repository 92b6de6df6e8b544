// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the tests of Go's x/sync/semaphore assert, of weir::limiter. Each case
// has the name of the original.

#include <weir/checkpoint.hpp>
#include <weir/limiter.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "../support/gate.hpp"
#include "../support/pool_fixture.hpp"
#include "../support/says.hpp"
#include "../support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test {

namespace {

// A permit that must be granted within `limit`; empty if it was not.
task<std::optional<permit>> acquire_within(weir::limiter& l,
                                           std::size_t weight,
                                           std::chrono::milliseconds limit) {
  auto waits = [](weir::limiter& from, std::size_t n) -> task<permit> {
    co_return co_await from.acquire(n);
  };
  try {
    permit p = co_await with_timeout(limit, waits(l, weight));
    co_return std::move(p);
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::timed_out)
      throw;
  }
  co_return std::nullopt;
}

// Four threads, so that something can run while others spin.
struct semaphore_fixture : pool_of<4> {
  // Acquires and releases, `times` times.
  static task<> hammer(weir::limiter& l, std::size_t weight, int times) {
    for (int i = 0; i != times; ++i) {
      permit held = co_await l.acquire(weight);
      co_await checkpoint();
    }
  }
};

constexpr std::chrono::milliseconds brief{10};

} // namespace

BOOST_FIXTURE_TEST_SUITE(semaphore, semaphore_fixture)

BOOST_AUTO_TEST_CASE(TestWeighted) {
  // The original's weight 0 is not a weight here.
  constexpr std::size_t n = 4;
  weir::limiter l(n);
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (std::size_t weight = 1; weight <= n; ++weight)
        co_await group.spawn(hammer(l, weight, 2500));
    });
  };
  run(main());
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(TestWeightedPanic) {
  // There is no way to give back more than one holds.
  weir::limiter l(1);
  permit held = *l.try_acquire();
  held.release();
  held.release();
  permit moved = std::move(held);
  moved.release();
  BOOST_TEST(l.in_use() == 0u);
  BOOST_TEST(l.available() == 1u);
}

BOOST_AUTO_TEST_CASE(TestWeightedTryAcquire) {
  weir::limiter l(2);
  std::vector<bool> tries;
  auto main = [&]() -> task<> {
    permit first = co_await l.acquire(1);
    std::optional<permit> second = l.try_acquire(1);
    tries.push_back(second.has_value());
    tries.push_back(l.try_acquire(1).has_value());
    first.release();
    second.reset();
    std::optional<permit> third = l.try_acquire(1);
    tries.push_back(third.has_value());
    permit fourth = co_await l.acquire(1);
    tries.push_back(l.try_acquire(1).has_value());
  };
  run(main());
  BOOST_TEST((tries == std::vector<bool>{true, false, true, false}));
}

BOOST_AUTO_TEST_CASE(TestWeightedAcquire) {
  weir::limiter l(2);
  std::vector<bool> tries;
  // What must succeed has no short limit: a busy machine would fail it.
  constexpr std::chrono::milliseconds ample{3'600'000};
  auto main = [&]() -> task<> {
    permit first = co_await l.acquire(1);
    std::optional<permit> second = co_await acquire_within(l, 1, ample);
    tries.push_back(second.has_value());
    std::optional<permit> none = co_await acquire_within(l, 1, brief);
    tries.push_back(none.has_value());
    first.release();
    second.reset();
    std::optional<permit> third = co_await acquire_within(l, 1, ample);
    tries.push_back(third.has_value());
    permit fourth = co_await l.acquire(1);
    std::optional<permit> neither = co_await acquire_within(l, 1, brief);
    tries.push_back(neither.has_value());
  };
  run(main());
  BOOST_TEST((tries == std::vector<bool>{true, false, true, false}));
}

BOOST_AUTO_TEST_CASE(TestWeightedDoesntBlockIfTooBig) {
  // A weight above the capacity is an error at once, or when the capacity is
  // lowered. The original waits for ever, without blocking others. Here no
  // waiter is blocked either.
  weir::limiter l(3);
  permit held = *l.try_acquire(1);
  BOOST_CHECK_THROW((void)l.acquire(4), std::invalid_argument);
  auto big = l.acquire(3)(asio::use_future);
  l.set_capacity(2);
  BOOST_CHECK_EXCEPTION((void)big.get(),
                        boost::system::system_error,
                        has_code(errc::over_capacity));
  held.release();
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (int i = 0; i != 4; ++i)
        co_await group.spawn(hammer(l, 1, 1000));
    });
  };
  run(main());
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(TestLargeAcquireDoesntStarve) {
  constexpr std::size_t n = 4;
  weir::limiter l(n);
  std::atomic<bool> running{true};
  std::atomic<std::size_t> holders{0};
  auto loops = [&]() -> task<> {
    permit held = co_await l.acquire(1);
    ++holders;
    while (running) {
      co_await checkpoint();
      held.release();
      held = co_await l.acquire(1);
    }
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (std::size_t i = 0; i != n; ++i)
        co_await group.spawn(loops);
      co_await until([&] { return holders == n; });
      permit all = co_await l.acquire(n);
      running = false;
    });
  };
  run(main());
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(TestAllocCancelDoesntStarve) {
  weir::limiter l(10);
  permit held = *l.try_acquire(1);
  boost::system::error_code code;
  bool others = false;
  auto main = [&]() -> task<> {
    auto big = [&]() -> task<> {
      try {
        (void)co_await l.acquire(10);
      } catch (const boost::system::system_error& e) {
        code = e.code();
      }
    };
    task_group leaves(pool);
    co_await leaves.spawn(big);
    co_await until([&] { return l.waiting() == 1; });
    auto small = [&]() -> task<> {
      (void)co_await l.acquire(1);
      others = true;
    };
    task_group stays(pool);
    co_await stays.spawn(small);
    co_await until([&] { return l.waiting() == 2; });
    leaves.cancel();
    co_await leaves.join();
    co_await stays.join();
  };
  run(main());
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(others);
}

BOOST_AUTO_TEST_CASE(TestWeightedAcquireCanceled) {
  weir::limiter l(2);
  boost::system::error_code waiting;
  boost::system::error_code with_free_permits;
  auto main = [&]() -> task<> {
    auto child = [&]() -> task<> {
      try {
        (void)co_await l.acquire(1);
      } catch (const boost::system::system_error& e) {
        waiting = e.code();
      }
      try {
        (void)co_await l.acquire(1);
      } catch (const boost::system::system_error& e) {
        with_free_permits = e.code();
      }
    };
    permit all = co_await l.acquire(2);
    task_group group(pool);
    co_await group.spawn(child);
    co_await until([&] { return l.waiting() == 1; });
    group.cancel();
    all.release();
    co_await group.join();
  };
  for (int i = 0; i != 200; ++i) {
    waiting = with_free_permits = {};
    run(main());
    // The cancellation came before the grant.
    BOOST_TEST(waiting == asio::error::operation_aborted);
    BOOST_TEST(with_free_permits == asio::error::operation_aborted);
    BOOST_TEST(l.in_use() == 0u); // all permits are still there
  }
}

BOOST_AUTO_TEST_CASE(Example_workerPool) {
  constexpr std::size_t workers = 3;
  weir::limiter l(workers);
  std::vector<int> out(32);
  auto collatz = [](int n, int& steps) -> task<> {
    for (; n > 1; ++steps)
      n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    co_return;
  };
  auto work = [&](std::size_t i, permit held) -> task<> {
    co_await collatz(static_cast<int>(i) + 1, out[i]);
    held.release();
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (std::size_t i = 0; i != out.size(); ++i) {
      permit held = co_await l.acquire();
      co_await group.spawn(work, i, std::move(held));
    }
    permit all = co_await l.acquire(workers); // all have ended: a join
    co_await group.join();
  };
  run(main());
  BOOST_TEST(
      (out == std::vector<int>{0,  1,  7,  2,  5,   8,  16, 3,  19,  6, 14,
                               9,  9,  17, 17, 4,   12, 20, 20, 7,   7, 15,
                               15, 10, 23, 10, 111, 18, 18, 18, 106, 5}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
