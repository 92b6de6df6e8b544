// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The gate alone. explorer/wake_schedules.cpp tests that no wake-up is lost.

#include "runtime/idle_workers.hpp"

#include "support/sanitized.hpp"
#include "support/watchdog.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace weir::test::of_idle_workers {

BOOST_AUTO_TEST_SUITE(idle_workers)

BOOST_AUTO_TEST_CASE(whoever_enters_is_active_and_searching) {
  detail::idle_workers gate(2);
  BOOST_TEST(gate.busy() == 0u);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.busy() == 1u);
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.busy() == 1u);
}

BOOST_AUTO_TEST_CASE(nobody_enters_while_somebody_searches) {
  detail::idle_workers gate(4);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(!gate.try_enter());
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(!gate.try_enter());
  (void)gate.leave(true);
  BOOST_TEST(gate.try_enter());
}

BOOST_AUTO_TEST_CASE(no_more_enter_than_the_limit_says) {
  for (std::uint32_t limit : {1u, 2u, 64u}) {
    detail::idle_workers gate(limit);
    for (std::uint32_t i = 0; i != limit; ++i) {
      BOOST_TEST(gate.try_enter());
      BOOST_TEST(gate.found_work());
    }
    BOOST_TEST(!gate.try_enter());
    BOOST_TEST(gate.busy() == limit);
    gate.search();
    (void)gate.leave(true);
    BOOST_TEST(gate.busy() == limit - 1);
    BOOST_TEST(gate.try_enter());
    BOOST_TEST(gate.busy() == limit);
  }
}

BOOST_AUTO_TEST_CASE(whoever_leaves_is_neither_active_nor_searching) {
  detail::idle_workers gate(1);
  for (int round = 0; round != 3; ++round) {
    BOOST_TEST(gate.try_enter());
    (void)gate.leave(true);
    BOOST_TEST(gate.busy() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_worker_that_starts_to_search_keeps_others_out) {
  detail::idle_workers gate(3);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.found_work());
  gate.search();
  BOOST_TEST(!gate.try_enter());
  BOOST_TEST(gate.busy() == 1u);
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.try_enter());
}

BOOST_AUTO_TEST_CASE(only_the_last_searcher_to_find_work_is_told_so) {
  detail::idle_workers gate(3);
  for (int i = 0; i != 3; ++i) {
    BOOST_TEST(gate.try_enter());
    BOOST_TEST(gate.found_work());
  }
  for (int i = 0; i != 3; ++i)
    gate.search();
  BOOST_TEST(!gate.found_work());
  (void)gate.leave(true);
  BOOST_TEST(!gate.try_enter());
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.try_enter());
}

BOOST_AUTO_TEST_CASE(a_worker_that_leaves_the_others_naps) {
  detail::idle_workers gate(2);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.found_work()); // one that stays active
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(!gate.is_napping());
  const auto first = gate.leave(true);
  BOOST_TEST(first.watches);
  BOOST_TEST(first.is_nap);
  BOOST_TEST(gate.is_napping());
  BOOST_TEST(gate.busy() == 1u);

  // Work from outside needs a worker all the same.
  BOOST_TEST(gate.try_enter());
  const auto second = gate.leave(true);
  BOOST_TEST(!second.watches); // as one does already
  BOOST_TEST(second.is_nap);
  BOOST_TEST(gate.is_napping());

  BOOST_TEST(gate.end_watch());
  BOOST_TEST(!gate.is_napping());
  BOOST_TEST(gate.busy() == 2u);
  BOOST_TEST(!gate.try_enter()); // It searches.
}

BOOST_AUTO_TEST_CASE(a_worker_that_saw_no_work_watches_and_does_not_nap) {
  detail::idle_workers gate(2);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.try_enter());
  const auto left = gate.leave(false);
  BOOST_TEST(left.watches);
  BOOST_TEST(!left.is_nap);
  BOOST_TEST(!gate.is_napping());
  BOOST_TEST(gate.end_watch());
}

BOOST_AUTO_TEST_CASE(the_last_worker_to_leave_does_not_watch) {
  detail::idle_workers gate(2);
  BOOST_TEST(gate.try_enter());
  const auto left = gate.leave(true);
  BOOST_TEST(!left.watches);
  BOOST_TEST(!left.is_nap);
  BOOST_TEST(!gate.is_napping());
}

BOOST_AUTO_TEST_CASE(no_worker_enters_after_a_watch_beside_one_that_searches) {
  detail::idle_workers gate(3);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.leave(true).watches);
  BOOST_TEST(gate.try_enter()); // searches
  BOOST_TEST(!gate.end_watch());
  BOOST_TEST(!gate.is_napping());
  BOOST_TEST(gate.busy() == 2u);
  // It watches when it has found work.
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.watch());
}

BOOST_AUTO_TEST_CASE(nobody_watches_an_idle_runtime_or_a_busy_one) {
  detail::idle_workers gate(2);
  BOOST_TEST(gate.try_enter());
  BOOST_TEST(gate.found_work());
  BOOST_TEST(gate.watch());
  gate.search();
  BOOST_TEST(!gate.leave(true).watches);
  BOOST_TEST(!gate.end_watch()); // idle
  for (int i = 0; i != 2; ++i) {
    BOOST_TEST(gate.try_enter());
    BOOST_TEST(gate.found_work());
  }
  BOOST_TEST(!gate.watch()); // All are active.
}

BOOST_AUTO_TEST_CASE(threads_enter_one_at_a_time_and_never_above_the_limit) {
  constexpr int rounds = sanitized ? 10'000 : 100'000;
  constexpr std::uint32_t limit = 2;
  const watchdog time_limit;
  detail::idle_workers gate(limit);
  int searchers = 0; // written by the thread that is inside
  std::atomic<bool> together{false};
  std::atomic<bool> crowded{false};
  std::atomic<int> entered{0};
  const auto work = [&] {
    for (int i = 0; i != rounds; ++i) {
      if (gate.busy() > limit)
        crowded = true;
      if (!gate.try_enter())
        continue;
      ++entered;
      if (++searchers != 1)
        together = true;
      --searchers;
      if (i % 3 == 0) {
        (void)gate.leave(true);
      } else {
        gate.found_work();
        gate.search();
        (void)gate.leave(true);
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i)
    threads.emplace_back(work);
  for (std::thread& t : threads)
    t.join();
  BOOST_TEST(!together);
  BOOST_TEST(!crowded);
  BOOST_TEST(entered > 0);
  BOOST_TEST(gate.busy() == 0u);
  BOOST_TEST(gate.try_enter());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_idle_workers
