// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Spawning from children when all slots are taken.

#include <weir/checkpoint.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_lend, pool_fixture)

task<> grows(task_group& group, int depth, std::atomic<int>& leaves) {
  if (depth == 0) {
    ++leaves;
    co_return;
  }
  for (int i = 0; i != 2; ++i)
    co_await group.spawn(grows(group, depth - 1, leaves));
}

BOOST_AUTO_TEST_CASE(spawning_from_children_at_a_full_cap_makes_progress) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> leaves{0};
      std::size_t peak = 0;
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        co_await group.spawn(grows(group, 10, leaves));
        co_await group.join();
        peak = group.stats().peak;
      };
      run(main());
      BOOST_TEST(leaves == 1024);
      BOOST_TEST(peak <= cap);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_child_that_lent_its_slot_gets_the_next_free_one) {
  // With one slot: the child lends it to what it spawns, and continues only
  // when that has ended, before the spawn from outside that was called earlier.
  journal<char> order;
  gate ready(pool.get_executor());
  gate queued(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  auto inner = [&]() -> task<> {
    order.add('i');
    co_await checkpoint();
    order.add('e');
  };
  auto lends = [&]() -> task<> {
    ready.open();
    co_await queued.wait();
    order.add('b');
    co_await group.spawn(inner);
    order.add('a');
  };
  auto outside = [&]() -> task<> {
    order.add('o');
    co_return;
  };
  wait(group.spawn(lends));
  auto waiting = group.spawn(outside)(asio::use_future);
  queued.open();
  waiting.get();
  wait(group.join());
  const std::vector<char> got = order.entries();
  BOOST_TEST(std::string(got.begin(), got.end()) == "bieao");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
