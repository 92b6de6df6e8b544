// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Groups with a limiter. Groups inside groups: task_group_limiter_nested.cpp.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/journal.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_limiter, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(groups_that_share_a_limiter_never_run_more_than_it_has) {
  for (std::size_t capacity : caps) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      limiter shared(capacity);
      high_water children;
      std::atomic<int> calls{0};
      auto child = [&]() -> task<> {
        children.enter();
        on_scope_exit leave([&] { children.leave(); });
        co_await checkpoint();
        ++calls;
      };
      auto main = [&](std::size_t cap) -> task<> {
        task_group group(pool, {.max_in_flight = cap, .limiter = &shared});
        for (int i = 0; i != 300; ++i)
          co_await group.spawn(child);
        co_await group.join();
      };
      task_group groups(pool);
      for (std::size_t cap : {std::size_t(1), std::size_t(3), unlimited})
        wait(groups.spawn(main, cap));
      wait(groups.join());
      BOOST_TEST(calls == 900);
      BOOST_TEST(children.peak() <= static_cast<int>(capacity));
      BOOST_TEST(shared.in_use() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(spawn_waits_for_a_permit_and_join_for_whoever_waits) {
  limiter shared(1);
  std::optional<permit> held(shared.try_acquire());
  std::atomic<int> calls{0};
  task_group group(pool, {.limiter = &shared});
  auto first = group.spawn(counts(calls))(asio::use_future);
  auto second = group.spawn(counts(calls))(asio::use_future);
  BOOST_TEST(group.stats().waiting == 2u);
  BOOST_TEST(group.stats().in_flight == 0u);
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  auto idle = group.wait_idle()(asio::use_future);
  auto joined = group.join()(asio::use_future);
  BOOST_TEST((idle.wait_for(std::chrono::milliseconds(2)) ==
              std::future_status::timeout));
  held.reset();
  for (auto* done : {&first, &second, &idle, &joined})
    done->get();
  BOOST_TEST(calls == 2);
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_permit_is_back_when_join_completes) {
  for (int i = 0; i != 2000; ++i) {
    limiter shared(2);
    task_group group(pool, {.limiter = &shared});
    wait(group.spawn(returns()));
    wait(group.spawn(returns(), {.weight = 2}));
    wait(group.join());
    BOOST_TEST_REQUIRE(shared.in_use() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_child_holds_as_much_as_its_weight) {
  limiter shared(5);
  gate door(pool.get_executor());
  task_group group(pool, {.limiter = &shared});
  wait(group.spawn(waits_for(door), {.weight = 3}));
  BOOST_TEST(shared.in_use() == 3u);
  BOOST_TEST(
      (group.try_spawn(waits_for(door), {.weight = 3}) == spawn_status::full));
  BOOST_TEST((group.try_spawn(waits_for(door), {.weight = 2}) ==
              spawn_status::started));
  BOOST_TEST(shared.in_use() == 5u);
  auto waiting = group.spawn(returns(), {.weight = 5})(asio::use_future);
  door.open();
  waiting.get();
  wait(group.join());
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(in_a_group_it_is_first_come_first_served_at_any_weight) {
  limiter shared(4);
  std::optional<permit> most(shared.try_acquire(3));
  journal<int> started;
  task_group group(pool, {.limiter = &shared});
  auto child = [&](int n) -> task<> {
    started.add(n);
    co_await checkpoint();
  };
  std::vector<std::future<void>> waiting;
  // The first does not fit; those behind it would.
  for (std::size_t n = 0; n != 8; ++n)
    waiting.push_back(
        group.spawn(child(static_cast<int>(n)),
                    {.weight = n % 2 == 0 ? 4u : 1u})(asio::use_future));
  BOOST_TEST(group.stats().waiting == 8u);
  BOOST_TEST(shared.waiting() == 1u);
  most.reset();
  for (auto& spawned : waiting)
    spawned.get();
  wait(group.join());
  // Each heavy child runs alone, with a light one between.
  BOOST_TEST((started.entries() == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

BOOST_AUTO_TEST_CASE(a_weight_that_can_never_be_had_is_refused_at_the_call) {
  limiter shared(3);
  task_group group(pool, {.limiter = &shared});
  std::atomic<int> alive{0};
  auto child = [](counted) -> task<> { co_return; };
  for (std::size_t bad : {std::size_t(0), std::size_t(4)}) {
    const auto names = [&](const std::invalid_argument& e) {
      return says("weir::task_group::")(e) &&
             says("weight is " + std::to_string(bad))(e);
    };
    BOOST_CHECK_EXCEPTION(
        (void)group.spawn(child(counted(alive)), {.weight = bad}),
        std::invalid_argument,
        names);
    BOOST_CHECK_EXCEPTION(
        (void)group.try_spawn(child(counted(alive)), {.weight = bad}),
        std::invalid_argument,
        names);
  }
  BOOST_TEST(alive == 0);
  task_group plain(pool); // Without a limiter a weight is of no effect.
  BOOST_CHECK_THROW((void)plain.spawn(returns(), {.weight = 0}),
                    std::invalid_argument);
  wait(plain.spawn(returns(), {.weight = 100}));
  wait(plain.join());
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(whoever_waits_for_too_much_now_is_told_and_the_next_goes) {
  limiter shared(4);
  std::optional<permit> held(shared.try_acquire(4));
  std::atomic<int> calls{0};
  task_group group(pool, {.limiter = &shared});
  auto heavy = group.spawn(counts(calls), {.weight = 4})(asio::use_future);
  auto light = group.spawn(counts(calls), {.weight = 2})(asio::use_future);
  shared.set_capacity(2);
  BOOST_CHECK_EXCEPTION(
      heavy.get(), system_error, has_code(errc::over_capacity));
  held.reset();
  light.get();
  wait(group.join());
  BOOST_TEST(calls == 1);
  BOOST_TEST(group.stats().rejected == 1u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_group_wakes_those_that_wait_for_a_permit) {
  limiter shared(1);
  permit held = *shared.try_acquire();
  std::atomic<int> alive{0};
  task_group group(pool, {.limiter = &shared});
  auto child = [](counted) -> task<> { co_return; };
  std::vector<std::future<void>> waiting;
  for (int i = 0; i != 3; ++i)
    waiting.push_back(group.spawn(child, counted(alive))(asio::use_future));
  auto joined = group.join()(asio::use_future);
  group.cancel();
  for (auto& spawned : waiting)
    BOOST_CHECK_EXCEPTION(
        spawned.get(), system_error, has_code(asio::error::operation_aborted));
  joined.get(); // though the permit is still held
  BOOST_TEST(shared.waiting() == 0u);
  BOOST_TEST(alive == 0);
  BOOST_TEST(group.stats().rejected == 3u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_waiter_makes_way_for_the_next) {
  limiter shared(2);
  std::optional<permit> one(shared.try_acquire());
  std::atomic<int> calls{0};
  task_group group(pool, {.limiter = &shared});
  auto asks = [&]() -> task<> {
    co_await group.spawn(counts(calls), {.weight = 2});
  };
  task_group leaves(pool);
  wait(leaves.spawn(asks));
  block_until([&] { return group.stats().waiting == 1; });
  auto behind = group.spawn(counts(calls))(asio::use_future);
  BOOST_TEST(group.stats().waiting == 2u);
  leaves.cancel();
  wait(leaves.join());
  behind.get(); // It fits, now that it is the first.
  wait(group.join());
  BOOST_TEST(calls == 1);
  one.reset();
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_permit_and_a_cancelled_waiter_may_race) {
  int started = 0;
  int aborted = 0;
  for (int round = 0; round != 300 && (started < 20 || aborted < 20); ++round) {
    limiter shared(1);
    std::optional<permit> held(shared.try_acquire());
    std::atomic<int> calls{0};
    {
      task_group group(pool, {.limiter = &shared});
      auto asks = [&]() -> task<> { co_await group.spawn(counts(calls)); };
      task_group leaves(pool);
      wait(leaves.spawn(asks));
      block_until([&] { return shared.waiting() == 1; });
      std::atomic<bool> go{false};
      std::thread gives([&] {
        block_until([&] { return go.load(); });
        held.reset();
      });
      go = true;
      for (int spin = round % 40; spin != 0; --spin)
        std::this_thread::yield();
      if (round % 2 == 0)
        leaves.cancel();
      else
        group.cancel();
      try {
        wait(leaves.join());
      } catch (const system_error& e) {
        BOOST_TEST(e.code() == asio::error::operation_aborted);
      }
      wait(group.join());
      gives.join();
    }
    BOOST_TEST_REQUIRE(shared.in_use() == 0u);
    BOOST_TEST_REQUIRE(shared.waiting() == 0u);
    ++(calls == 1 ? started : aborted);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
