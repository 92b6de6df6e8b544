// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancelling those that wait for permits.

#include <weir/limiter.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/at_once.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(limiter_cancel, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_cancelled_waiter_resumes_at_once_and_holds_nothing) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      weir::limiter l(2);
      std::optional<permit> held = l.try_acquire(1);
      std::atomic<int> got{0};
      std::atomic<int> left{0};
      auto child = [&]() -> task<> {
        on_scope_exit mark([&] { ++left; });
        weir::permit p = co_await l.acquire(2);
        ++got;
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(child));
      block_until([&] { return l.waiting() == 1; });
      group.cancel();
      wait(group.join());
      BOOST_TEST(left == 1);
      BOOST_TEST(got == 0);
      BOOST_TEST(l.waiting() == 0u);
      BOOST_TEST(l.in_use() == 1u);
      BOOST_TEST(l.try_acquire(1).has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_first_that_is_cancelled_lets_those_behind_it_through) {
  weir::limiter l(4);
  std::optional<permit> held = l.try_acquire(1);
  error_code code;
  journal<int> served;
  auto heavy = [&]() -> task<> {
    try {
      (void)co_await l.acquire(4);
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  auto light = [&](int n) -> task<> {
    (void)co_await l.acquire(1);
    served.add(n);
  };
  task_group leaves(pool);
  task_group stays(pool);
  wait(leaves.spawn(heavy));
  block_until([&] { return l.waiting() == 1; });
  for (int n = 0; n != 3; ++n)
    wait(stays.spawn(light, n));
  block_until([&] { return l.waiting() == 4; });
  leaves.cancel();
  wait(leaves.join());
  wait(stays.join());
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(served.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_gets_nothing_even_when_permits_are_free) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      weir::limiter l(5);
      gate never(pool.get_executor());
      std::atomic<int> got{0};
      auto child = [&]() -> task<> {
        try {
          co_await never.wait();
        } catch (const system_error&) {
        }
        weir::permit p = co_await l.acquire();
        ++got;
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(child));
      block_until([&] { return never.arrivals() == 1; });
      group.cancel();
      wait(group.join());
      BOOST_TEST(got == 0);
      BOOST_TEST(l.in_use() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_grant_that_races_with_a_cancellation_is_never_lost) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      int delivered = 0;
      int withdrawn = 0;
      int rounds = 0;
      for (; rounds < 500 &&
             (rounds < (sanitized ? 100 : 300) || !delivered || !withdrawn);
           ++rounds) {
        weir::limiter l(1);
        std::optional<permit> held = l.try_acquire();
        std::atomic<int> got{0};
        auto child = [&]() -> task<> {
          weir::permit p = co_await l.acquire();
          ++got;
        };
        task_group group(pool, {.cancellation = form});
        wait(group.spawn(child));
        block_until([&] { return l.waiting() == 1; });
        at_once(
            rounds, [&] { held.reset(); }, [&] { group.cancel(); });
        wait(group.join());
        (got == 1 ? delivered : withdrawn) += 1;
        BOOST_REQUIRE(l.in_use() == 0u);
        BOOST_REQUIRE(l.waiting() == 0u);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(cancelled_and_served_waiters_in_any_mixture_lose_nothing) {
  for (on_cancel form : forms) {
    weir::limiter l(3);
    std::atomic<int> got{0};
    auto child = [&](std::size_t weight) -> task<> {
      weir::permit p = co_await l.acquire(weight);
      ++got;
      co_await checkpoint();
    };
    for (int round = 0; round != (sanitized ? 20 : 200); ++round) {
      task_group stays(pool);
      task_group leaves(pool, {.cancellation = form});
      for (std::size_t i = 0; i != 20; ++i) {
        wait(stays.spawn(child, 1 + i % 3));
        wait(leaves.spawn(child, 3 - i % 3));
      }
      leaves.cancel();
      wait(leaves.join());
      wait(stays.join());
      BOOST_REQUIRE(stays.stats().completed == 20u);
      BOOST_REQUIRE(l.in_use() == 0u);
      BOOST_REQUIRE(l.waiting() == 0u);
    }
    BOOST_TEST(got >= 20);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
