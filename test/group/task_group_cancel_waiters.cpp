// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancelling those that wait: for a slot, or in join().

#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_cancel_waiters, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_spawn_that_waits_resumes_at_once_and_starts_nothing) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      gate door(pool.get_executor());
      std::atomic<int> alive{0};
      std::atomic<int> calls{0};
      std::atomic<int> refused{0};
      auto stubborn = [&]() -> task<> { co_await shield(waits_for(door)); };
      auto child = [&](counted) -> task<> {
        ++calls;
        co_return;
      };
      task_group group(pool, {.max_in_flight = cap});
      for (std::size_t i = 0; i != cap; ++i)
        wait(group.spawn(stubborn));
      block_until([&] { return door.arrivals() == cap; });
      auto asks = [&]() -> task<> {
        try {
          co_await group.spawn(child, counted(alive));
        } catch (const system_error& e) {
          refused += e.code() == asio::error::operation_aborted;
        }
      };
      task_group askers(pool);
      for (int i = 0; i != 5; ++i)
        wait(askers.spawn(asks));
      block_until([&] { return group.stats().waiting == 5; });
      group.cancel();
      wait(askers.join()); // while the slots are still taken
      BOOST_TEST(group.stats().in_flight == cap);
      BOOST_TEST(refused == 5);
      BOOST_TEST(alive == 0);
      door.open();
      wait(group.join());
      BOOST_TEST(calls == 0);
      BOOST_TEST(group.stats().rejected == 5u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_waiter_leaves_the_queue_and_the_group_alone) {
  gate door(pool.get_executor());
  std::atomic<int> alive{0};
  journal<int> started;
  error_code code;
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  auto child = [&](int n, counted) -> task<> {
    started.add(n);
    co_return;
  };
  auto asks = [&](int n) -> task<> {
    try {
      co_await group.spawn(child, n, counted(alive));
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  task_group patient(pool);
  task_group leaves(pool);
  auto queued = [&](std::size_t n) {
    block_until([&] { return group.stats().waiting == n; });
  };
  wait(patient.spawn(asks, 0));
  queued(1);
  wait(leaves.spawn(asks, 1));
  queued(2);
  wait(patient.spawn(asks, 2));
  queued(3);

  leaves.cancel();
  wait(leaves.join());
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(group.stats().waiting == 2u);
  BOOST_TEST(alive == 2);
  BOOST_TEST(!group.is_cancelled());
  door.open();
  wait(patient.join());
  wait(group.join());
  BOOST_TEST((started.entries() == std::vector<int>{0, 2}));
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_cannot_spawn_even_with_free_slots) {
  gate never(pool.get_executor());
  std::atomic<int> calls{0};
  task_group open(pool);
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
    }
    co_await open.spawn(counts(calls));
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  wait(open.join());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(join_completes_normally_after_the_groups_own_cancel) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      bool completed = false;
      auto main = [&]() -> task<> {
        task_group group(pool, {.cancellation = form});
        co_await group.spawn(waits_for(never));
        group.cancel(asio::error::connection_reset);
        co_await group.join();
        completed = true;
      };
      run(main());
      BOOST_TEST(completed);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_joiner_cancelled_from_outside_is_aborted_at_the_end) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      gate door(pool.get_executor());
      std::atomic<int> ended{0};
      std::atomic<int> ended_at_join{-1};
      error_code code;
      auto stubborn = [&]() -> task<> {
        co_await shield(waits_for(door));
        ++ended;
      };
      task_group inner(pool, {.cancellation = form});
      wait(inner.spawn(waits_and_counts(never, ended)));
      wait(inner.spawn(stubborn));
      block_until(
          [&] { return never.arrivals() == 1 && door.arrivals() == 1; });
      std::atomic<bool> joining{false};
      auto joins = [&]() -> task<> {
        joining = true;
        try {
          co_await inner.join();
        } catch (const system_error& e) {
          code = e.code();
          ended_at_join = ended.load();
        }
      };
      task_group outer(pool);
      wait(outer.spawn(joins));
      block_until([&] { return joining.load(); }); // else it may never start
      outer.cancel();
      block_until([&] { return inner.is_cancelled(); });
      door.open();
      wait(outer.join());
      BOOST_TEST(code == asio::error::operation_aborted);
      BOOST_TEST(ended_at_join == 2); // it waited for both
      // Each joiner has the same outcome.
      BOOST_CHECK_EXCEPTION(wait(inner.join()),
                            system_error,
                            has_code(asio::error::operation_aborted));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_counts_more_than_the_joiners_cancellation) {
  gate never(pool.get_executor());
  std::atomic<bool> saw_error{false};
  auto answers = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("while cleaning up");
    }
  };
  task_group inner(pool);
  wait(inner.spawn(answers));
  block_until([&] { return never.arrivals() == 1; });
  std::atomic<bool> joining{false};
  auto joins = [&]() -> task<> {
    joining = true;
    try {
      co_await inner.join();
    } catch (const std::runtime_error& e) {
      saw_error = says("while cleaning up")(e);
    }
  };
  task_group outer(pool);
  wait(outer.spawn(joins));
  block_until([&] { return joining.load(); });
  outer.cancel();
  wait(outer.join());
  BOOST_TEST(saw_error);
  if (!saw_error)
    inner.cancel();
  BOOST_CHECK_THROW(wait(inner.join()), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_waiter_of_a_stopped_runtime_leaves_the_queue) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  auto waits = [&]() -> task<> { co_await group.spawn(counts(calls)); };
  {
    weir::runtime other(1);
    weir::co_spawn(other, waits(), asio::detached);
    block_until([&] { return group.stats().waiting == 1; });
    other.stop();
  }
  BOOST_TEST_REQUIRE(group.stats().waiting == 0u);
  door.open();
  wait(group.join());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
