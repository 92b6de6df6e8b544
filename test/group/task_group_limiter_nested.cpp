// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A limiter shared by groups inside groups, and by children that spawn.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <stdexcept>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_limiter_nested, pool_fixture)

using boost::system::system_error;

task<> grows(task_group& group, int depth, std::atomic<int>& leaves) {
  if (depth == 0) {
    ++leaves;
    co_return;
  }
  for (int i = 0; i != 2; ++i)
    co_await group.spawn(grows(group, depth - 1, leaves));
}

BOOST_AUTO_TEST_CASE(children_that_spawn_at_a_full_limiter_make_progress) {
  for (std::size_t capacity : caps) {
    for (std::size_t cap : {std::size_t(1), std::size_t(2), unlimited}) {
      BOOST_TEST_CONTEXT("capacity " << capacity << ", cap " << cap) {
        limiter shared(capacity);
        std::atomic<int> leaves{0};
        task_group group(pool, {.max_in_flight = cap, .limiter = &shared});
        wait(group.spawn(grows(group, 8, leaves)));
        wait(group.join());
        BOOST_TEST(leaves == 256);
        BOOST_TEST(shared.in_use() == 0u);
        BOOST_TEST(group.stats().peak <= capacity);
      }
    }
  }
}

// A tree of groups, all on one limiter.
struct tree {
  weir::runtime& pool;
  limiter& shared;
  high_water& running;
  std::atomic<int>& leaves;

  task<> node(int depth) const {
    if (depth == 0) {
      running.enter();
      on_scope_exit leave([&] { running.leave(); });
      co_await checkpoint();
      ++leaves;
      co_return;
    }
    co_await with_task_group({.limiter = &shared},
                             [&](task_group& group) -> task<> {
                               for (int i = 0; i != 3; ++i)
                                 co_await group.spawn(node(depth - 1));
                             });
  }
};

BOOST_AUTO_TEST_CASE(groups_inside_groups_share_it_without_deadlock) {
  for (std::size_t capacity : caps) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      limiter shared(capacity);
      high_water running;
      std::atomic<int> leaves{0};
      const tree all{pool, shared, running, leaves};
      run(all.node(5));
      BOOST_TEST(leaves == 243);
      BOOST_TEST(running.peak() <= static_cast<int>(capacity));
      BOOST_TEST(shared.in_use() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_lent_permit_is_back_before_the_parent_goes_on) {
  limiter shared(2);
  std::atomic<bool> back{true};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  auto inner = [&]() -> task<> {
    most = std::max(most.load(), ++running);
    co_await checkpoint();
    --running;
  };
  auto outer = [&]() -> task<> {
    co_await with_task_group({.limiter = &shared},
                             [&](task_group& group) -> task<> {
                               for (int i = 0; i != 50; ++i) {
                                 co_await group.spawn(inner);
                                 back = back && shared.in_use() >= 1;
                               }
                             });
  };
  task_group group(pool, {.limiter = &shared});
  for (int i = 0; i != 4; ++i)
    wait(group.spawn(outer));
  wait(group.join());
  BOOST_TEST(back);
  BOOST_TEST(most <= 2);
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_lender_that_is_cancelled_goes_on_without) {
  limiter shared(1);
  gate never(pool.get_executor());
  std::atomic<bool> spawned{false};
  auto outer = [&](task_group& inner) -> task<> {
    try {
      co_await inner.spawn(waits_for(never)); // lends, and waits
      spawned = true;
      co_await checkpoint();
    } catch (const system_error&) {
    }
  };
  task_group inner(pool, {.limiter = &shared});
  task_group group(pool, {.limiter = &shared});
  wait(group.spawn(outer, std::ref(inner)));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  BOOST_TEST(spawned);               // The child runs, after all.
  BOOST_TEST(shared.in_use() == 1u); // it holds
  inner.cancel();
  wait(inner.join());
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_tree_gives_all_permits_back) {
  for (int round = 0; round != 200; ++round) {
    limiter shared(2);
    {
      gate never(pool.get_executor());
      const on_cancel form =
          round % 2 == 0 ? on_cancel::raise : on_cancel::unwind;
      task_group root(pool, {.limiter = &shared, .cancellation = form});
      auto outer = [&]() -> task<> {
        co_await with_task_group({.limiter = &shared},
                                 [&](task_group& group) -> task<> {
                                   for (int i = 0; i != 5; ++i)
                                     co_await group.spawn(waits_for(never));
                                 });
      };
      for (int i = 0; i != 3; ++i)
        root.spawn(outer)(asio::detached);
      if (round % 3 == 0)
        block_until([&] { return never.arrivals() >= 1; });
      root.cancel();
      wait(root.join());
    }
    // A child that ended may have granted its permit to another of the groups,
    // which is cancelled, and be about to tell it so.
    block_until([&] { return shared.in_use() == 0; });
    BOOST_TEST_REQUIRE(shared.waiting() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_child_may_end_while_what_it_lent_is_still_lent) {
  for (int round = 0; round != 200; ++round) {
    limiter shared(1);
    std::atomic<int> calls{0};
    {
      task_group group(pool, {.max_in_flight = 1, .limiter = &shared});
      auto child = [&]() -> task<> {
        group.spawn(counts(calls))(asio::detached);
        group.spawn(counts(calls))(asio::detached);
        co_return;
      };
      wait(group.spawn(child));
      wait(group.join());
    }
    BOOST_TEST_REQUIRE(calls == 2);
    BOOST_TEST_REQUIRE(shared.in_use() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_all_permits_come_back) {
  limiter shared(2);
  {
    weir::runtime other(2);
    gate never(other.get_executor());
    task_group group(other, {.limiter = &shared});
    auto outer = [&]() -> task<> {
      co_await with_task_group({.limiter = &shared},
                               [&](task_group& inner) -> task<> {
                                 for (int i = 0; i != 5; ++i)
                                   co_await inner.spawn(waits_for(never));
                               });
    };
    for (int i = 0; i != 5; ++i)
      group.spawn(outer)(asio::detached);
    block_until([&] { return never.arrivals() >= 1; });
    other.stop();
  }
  BOOST_TEST(shared.in_use() == 0u);
  BOOST_TEST(shared.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(a_group_with_a_limiter_can_be_reopened) {
  limiter shared(2);
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1, .limiter = &shared});
  for (int round = 0; round != 5; ++round) {
    for (int i = 0; i != 10; ++i)
      wait(group.spawn(counts(calls)));
    wait(group.spawn(fails_with("boom")));
    BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
    group.reopen();
  }
  BOOST_TEST(calls == 50);
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
