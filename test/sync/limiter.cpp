// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_limiter {

BOOST_FIXTURE_TEST_SUITE(limiter, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

static_assert(!std::is_copy_constructible_v<permit>);
static_assert(std::is_nothrow_move_constructible_v<permit>);
static_assert(std::is_nothrow_move_assignable_v<permit>);

BOOST_AUTO_TEST_CASE(a_permit_is_given_back_when_it_is_destroyed) {
  weir::limiter l(3);
  std::size_t held = 0;
  auto main = [&]() -> task<> {
    weir::permit p = co_await l.acquire(2);
    held = l.in_use();
    BOOST_ASSERT(p.weight() == 2);
  };
  run(main());
  BOOST_TEST(held == 2u);
  BOOST_TEST(l.in_use() == 0u);
  BOOST_TEST(l.available() == 3u);
  BOOST_TEST(l.capacity() == 3u);
}

BOOST_AUTO_TEST_CASE(a_permit_moves_and_is_given_back_once) {
  weir::limiter l(3);
  std::optional<permit> got = l.try_acquire(2);
  BOOST_REQUIRE(got.has_value());
  permit a = std::move(*got);
  BOOST_TEST(got->empty());
  BOOST_TEST(got->weight() == 0u);
  BOOST_TEST(!*got);
  got.reset();
  BOOST_TEST(l.in_use() == 2u);
  permit b;
  BOOST_TEST(b.empty());
  b = std::move(a);
  BOOST_TEST(b.weight() == 2u);
  b = *l.try_acquire(1); // the old permit is released
  BOOST_TEST(l.in_use() == 1u);
  permit& self = b;
  b = std::move(self);
  BOOST_TEST(b.weight() == 1u);
  b.release();
  BOOST_TEST(b.empty());
  BOOST_TEST(l.in_use() == 0u);
  b.release();
  BOOST_TEST(l.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(no_more_than_the_capacity_is_inside) {
  for (std::size_t capacity : caps) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      weir::limiter l(capacity);
      high_water inside;
      auto child = [&]() -> task<> {
        for (int i = 0; i != 20; ++i) {
          weir::permit held = co_await l.acquire();
          inside.enter();
          co_await checkpoint();
          inside.leave();
        }
      };
      auto main = [&]() -> task<> {
        task_group group(pool);
        for (int i = 0; i != 50; ++i)
          co_await group.spawn(child);
        co_await group.join();
      };
      run(main());
      BOOST_TEST(inside.peak() <= static_cast<int>(capacity));
      BOOST_TEST(l.in_use() == 0u);
      BOOST_TEST(l.waiting() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(those_that_wait_are_served_first_come_first_served) {
  weir::limiter l(3);
  journal<std::size_t> served;
  auto child = [&](std::size_t n) -> task<> {
    weir::permit held = co_await l.acquire(1 + n % 3);
    served.add(n);
    co_await checkpoint();
  };
  task_group group(pool);
  std::optional<permit> all = l.try_acquire(3);
  for (std::size_t n = 0; n != 30; ++n) {
    wait(group.spawn(child, n));
    block_until([&] { return l.waiting() == n + 1; });
  }
  BOOST_TEST(served.size() == 0u);
  all.reset();
  wait(group.join());
  // Grants have an order; two that are granted at once may run at once.
  std::vector<std::size_t> order = served.entries();
  BOOST_REQUIRE(order.size() == 30u);
  for (std::size_t i = 0; i != order.size(); ++i)
    BOOST_TEST(std::max(order[i], i) - std::min(order[i], i) <= 2u);
}

BOOST_AUTO_TEST_CASE(a_permit_may_be_given_back_on_any_thread) {
  weir::limiter l(1);
  std::optional<permit> held = l.try_acquire();
  std::atomic<bool> got{false};
  auto child = [&]() -> task<> {
    (void)co_await l.acquire();
    got = true;
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return l.waiting() == 1; });
  BOOST_TEST(!got);
  std::thread([&] { held.reset(); }).join();
  wait(group.join());
  BOOST_TEST(got);
}

BOOST_AUTO_TEST_CASE(try_acquire_fails_while_anybody_waits) {
  weir::limiter l(4);
  std::optional<permit> held = l.try_acquire(2);
  auto child = [&]() -> task<> { (void)co_await l.acquire(4); };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return l.waiting() == 1; });
  BOOST_TEST(l.available() == 2u);
  BOOST_TEST(!l.try_acquire(1).has_value());
  held.reset();
  wait(group.join());
  BOOST_TEST(l.try_acquire(4).has_value());
}

BOOST_AUTO_TEST_CASE(one_limiter_serves_many_groups) {
  weir::limiter shared(2);
  high_water inside;
  auto child = [&]() -> task<> {
    weir::permit held = co_await shared.acquire();
    inside.enter();
    co_await checkpoint();
    inside.leave();
  };
  weir::runtime other(2);
  task_group here(pool);
  task_group there(other);
  for (int i = 0; i != 200; ++i) {
    wait(here.spawn(child));
    wait(there.spawn(child));
  }
  wait(here.join());
  wait(there.join());
  BOOST_TEST(inside.peak() <= 2);
}

BOOST_AUTO_TEST_CASE(the_capacity_may_change_at_any_time) {
  weir::limiter l(1);
  gate door(pool.get_executor());
  std::atomic<int> inside{0};
  auto child = [&]() -> task<> {
    weir::permit held = co_await l.acquire();
    ++inside;
    co_await door.wait();
  };
  task_group group(pool);
  for (int i = 0; i != 6; ++i)
    wait(group.spawn(child));
  block_until([&] { return inside == 1 && l.waiting() == 5; });
  std::thread([&] { l.set_capacity(4); }).join();
  block_until([&] { return inside == 4; });
  BOOST_TEST(l.waiting() == 2u);
  l.set_capacity(2);
  BOOST_TEST(l.capacity() == 2u);
  BOOST_TEST(l.in_use() == 4u);
  BOOST_TEST(l.available() == 0u);
  door.open();
  wait(group.join());
  BOOST_TEST(inside == 6);
  BOOST_TEST(l.available() == 2u);
}

BOOST_AUTO_TEST_CASE(who_waits_for_more_than_a_lowered_capacity_is_refused) {
  weir::limiter l(5);
  std::optional<permit> held = l.try_acquire(2);
  error_code code;
  std::atomic<bool> small{false};
  auto heavy = [&]() -> task<> {
    try {
      (void)co_await l.acquire(4);
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  auto light = [&]() -> task<> {
    (void)co_await l.acquire(1);
    small = true;
  };
  task_group group(pool);
  wait(group.spawn(heavy));
  block_until([&] { return l.waiting() == 1; });
  wait(group.spawn(light));
  block_until([&] { return l.waiting() == 2; });
  l.set_capacity(3);
  wait(group.join());
  BOOST_TEST(code == errc::over_capacity);
  BOOST_TEST(small); // no waiter is blocked
  BOOST_TEST(l.in_use() == 2u);

  // The same between the call and the await.
  auto late = l.acquire(3);
  l.set_capacity(2);
  BOOST_CHECK_EXCEPTION(
      (void)wait(std::move(late)), system_error, has_code(errc::over_capacity));
}

BOOST_AUTO_TEST_CASE(bad_numbers_are_refused_at_the_call) {
  const auto says_all =
      [](const char* who, const char* value, const char* rule) {
        return [=](const std::invalid_argument& e) {
          return says(who)(e) && says(value)(e) && says(rule)(e);
        };
      };
  BOOST_CHECK_EXCEPTION(
      weir::limiter(0),
      std::invalid_argument,
      says_all("weir::limiter", "capacity is 0", "at least 1"));
  weir::limiter l(4);
  BOOST_CHECK_EXCEPTION(
      (void)l.acquire(0),
      std::invalid_argument,
      says_all("weir::limiter::acquire", "weight is 0", "at least 1"));
  BOOST_CHECK_EXCEPTION(
      (void)l.acquire(5),
      std::invalid_argument,
      says_all("acquire", "weight is 5", "the capacity, which is 4"));
  BOOST_CHECK_EXCEPTION((void)l.try_acquire(0),
                        std::invalid_argument,
                        says_all("try_acquire", "weight is 0", "at least 1"));
  BOOST_CHECK_THROW((void)l.try_acquire(5), std::invalid_argument);
  BOOST_CHECK_EXCEPTION(
      l.set_capacity(0),
      std::invalid_argument,
      says_all("set_capacity", "capacity is 0", "at least 1"));
  BOOST_TEST(l.capacity() == 4u);
  BOOST_TEST(l.try_acquire(4).has_value());
}

BOOST_AUTO_TEST_CASE(many_threads_lose_no_permit) {
  weir::limiter l(3);
  high_water inside;
  std::vector<std::thread> threads;
  for (int t = 0; t != 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i != 300; ++i) {
        weir::permit held = wait(l.acquire());
        inside.enter();
        inside.leave();
      }
    });
  for (int i = 0; i != 300; ++i)
    l.set_capacity(static_cast<std::size_t>(1 + i % 3));
  for (std::thread& t : threads)
    t.join();
  BOOST_TEST(inside.peak() <= 3);
  BOOST_TEST(l.in_use() == 0u);
  BOOST_TEST(l.waiting() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_limiter
