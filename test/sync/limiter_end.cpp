// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The ends of a limiter: its own, and that of the runtime of its users.

#include <weir/co_spawn.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/death.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/until.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(limiter_end)

BOOST_AUTO_TEST_CASE(a_limiter_destroyed_while_somebody_waits_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    std::optional<weir::limiter> l(std::in_place, 3);
    permit held = *l->try_acquire(2);
    auto waits = [&]() -> task<> { (void)co_await l->acquire(2); };
    weir::co_spawn(pool, waits(), asio::detached);
    block_until([&] { return l->waiting() == 1; });
    l.reset();
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed) {
    BOOST_TEST(
        (end.printed.find("a limiter was destroyed") != std::string::npos));
    BOOST_TEST((end.printed.find("1 acquires waiting, 2 of 3 in use") !=
                std::string::npos));
  }
}

BOOST_AUTO_TEST_CASE(permits_may_outlive_their_limiter) {
  std::optional<weir::limiter> l(std::in_place, 3);
  permit a = *l->try_acquire(1);
  permit b = *l->try_acquire(2);
  l.reset();
  BOOST_TEST(b.weight() == 2u);
  b.release();
  a = permit();
  BOOST_TEST(a.empty());
}

BOOST_AUTO_TEST_CASE(a_stopped_runtime_gives_back_what_its_tasks_hold) {
  watchdog dog;
  weir::limiter l(2);
  weir::limiter other(1);
  permit all = *other.try_acquire();
  std::atomic<int> left{0};
  {
    weir::runtime pool(2);
    gate never(pool.get_executor());
    auto holds = [&]() -> task<> {
      on_scope_exit mark([&] { ++left; });
      weir::permit p = co_await l.acquire();
      co_await never.wait();
    };
    auto waits = [&](weir::limiter& on) -> task<> {
      on_scope_exit mark([&] { ++left; });
      weir::permit p = co_await on.acquire();
    };
    for (int i = 0; i != 2; ++i)
      weir::co_spawn(pool, holds(), asio::detached);
    block_until([&] { return never.arrivals() == 2; });
    for (int i = 0; i != 3; ++i) {
      weir::co_spawn(pool, waits(l), asio::detached);
      weir::co_spawn(pool, waits(other), asio::detached);
    }
    block_until([&] { return l.waiting() == 3 && other.waiting() == 3; });
    pool.stop();
    BOOST_TEST(left == 8);
  }
  BOOST_TEST(l.in_use() == 0u);
  BOOST_TEST(l.waiting() == 0u);
  BOOST_TEST(other.waiting() == 0u);
  BOOST_TEST(l.try_acquire(2).has_value());
}

BOOST_AUTO_TEST_CASE(a_runtime_that_ends_cancels_those_that_wait) {
  watchdog dog;
  weir::limiter l(1);
  permit all = *l.try_acquire();
  std::atomic<bool> left{false};
  {
    weir::runtime pool(2);
    auto waits = [&]() -> task<> {
      on_scope_exit mark([&] { left = true; });
      weir::permit p = co_await l.acquire();
    };
    auto ignore = [](std::exception_ptr) {};
    weir::co_spawn(pool, waits(), ignore);
    block_until([&] { return l.waiting() == 1; });
  }
  BOOST_TEST(left);
  BOOST_TEST(l.waiting() == 0u);
}

// In either order of destruction.
BOOST_AUTO_TEST_CASE(a_stopped_runtime_may_destroy_it_before_those_that_wait) {
  watchdog dog;
  for (bool owner_first : {false, true}) {
    std::atomic<weir::limiter*> at{nullptr};
    std::atomic<int> left{0};
    {
      weir::runtime pool(2);
      gate never(pool.get_executor());
      auto owns = [&]() -> task<> {
        on_scope_exit mark([&] { ++left; });
        weir::limiter l(1);
        permit all = co_await l.acquire();
        at = &l;
        co_await never.wait();
      };
      auto waits = [&]() -> task<> {
        on_scope_exit mark([&] { ++left; });
        co_await until([&] { return at.load() != nullptr; });
        permit p = co_await at.load()->acquire();
      };
      if (owner_first)
        weir::co_spawn(pool, owns(), asio::detached);
      for (int i = 0; i != 2; ++i)
        weir::co_spawn(pool, waits(), asio::detached);
      if (!owner_first)
        weir::co_spawn(pool, owns(), asio::detached);
      block_until([&] { return at && at.load()->waiting() == 2; });
      block_until([&] { return never.arrivals() == 1; });
      pool.stop();
    }
    BOOST_TEST(left == 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
