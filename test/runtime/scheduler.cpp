// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Which ready task comes next, seen by the driver of a deterministic runtime.
// explorer/wake_schedules.cpp tests how workers are woken.

#include "runtime/scheduler.hpp"

#include "runtime/refill_source.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <thread>
#include <vector>

namespace weir::test::of_scheduler {

namespace {

struct no_more final : detail::refill_source {
  bool refill() noexcept override { return false; }
};

// The case's thread is the only worker: the pool has none.
struct driven {
  driven() { ready.enter_driver(); }
  driven(const driven&) = delete;
  driven& operator=(const driven&) = delete;
  ~driven() { ready.leave_driver(); }

  // From another thread.
  void push_shared(detail::ready_item& item) {
    std::thread other([&] { ready.push(item); });
    other.join();
  }

  watchdog dog;
  no_more more;
  detail::handler_memory memory{1}; // of handlers that the pool still has
  boost::asio::thread_pool pool{0};
  detail::scheduler ready{pool, 1, more, memory};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(scheduler, driven)

BOOST_AUTO_TEST_CASE(more_tasks_than_a_ring_holds_all_run_once) {
  std::vector<detail::ready_item> items(1000);
  std::vector<int> taken(items.size());
  for (detail::ready_item& item : items)
    ready.push(item);
  while (detail::ready_item* const item = ready.take())
    ++taken[static_cast<std::size_t>(item - items.data())];
  BOOST_TEST(taken == std::vector<int>(items.size(), 1),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_queue_that_never_empties_starves_no_other) {
  detail::ready_item busy;
  detail::ready_item shared;
  ready.push(busy);
  push_shared(shared);
  int turns = 0;
  for (; ready.take() != &shared && turns != 1000; ++turns)
    ready.push(busy);
  BOOST_TEST(turns <= 31);
}

BOOST_AUTO_TEST_CASE(what_other_threads_push_comes_in_their_order) {
  std::vector<detail::ready_item> items(3);
  for (detail::ready_item& item : items)
    push_shared(item);
  for (detail::ready_item& item : items)
    BOOST_TEST(ready.take() == &item);
  BOOST_TEST(ready.take() == nullptr);
}

BOOST_AUTO_TEST_CASE(at_the_end_all_that_is_left_is_found) {
  std::vector<detail::ready_item> items(1000);
  std::vector<int> taken(items.size());
  for (detail::ready_item& item : items)
    ready.push(item);
  detail::ready_item shared;
  push_shared(shared);
  int others = 0;
  while (detail::ready_item* const item = ready.take_left())
    if (item == &shared)
      ++others;
    else
      ++taken[static_cast<std::size_t>(item - items.data())];
  BOOST_TEST(others == 1);
  BOOST_TEST(taken == std::vector<int>(items.size(), 1),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_scheduler
