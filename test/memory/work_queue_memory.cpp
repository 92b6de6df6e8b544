// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A work_queue for which there is no memory; a program of its own.

#include <weir/executor.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/work_queue.hpp>

#include "support/failing_malloc.hpp"
#include "support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <new>
#include <optional>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(work_queue_memory, pool_of<2>)

// Fails each allocation of `make` in turn, until it succeeds. Returns how often
// it threw std::bad_alloc.
template <typename Make>
int failures_of(bool sticky, Make make) {
  for (int k = 1;; ++k) {
    bool threw = false;
    allocation_faults::arm(k, sticky);
    try {
      make();
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    allocation_faults::disarm();
    // The converse does not hold: waking a worker also works without memory.
    BOOST_REQUIRE((!threw || allocation_faults::injected() != 0));
    if (!threw)
      return k - 1;
  }
}

BOOST_AUTO_TEST_CASE(a_queue_without_memory_for_all_consumers_is_not_made) {
  for (bool sticky : {false, true}) {
    std::atomic<int> states{0};
    std::atomic<int> done{0};
    auto state = [&] { return ++states; };
    auto work = [&](int&, int) { ++done; };
    std::optional<weir::work_queue<int>> queue;
    const work_queue_options options{.consumers = 20, .capacity = 10};
    const int failures =
        failures_of(sticky, [&] { queue.emplace(pool, options, state, work); });
    // Later attempts take frames from the cache; the first ones do not.
    BOOST_TEST(failures > 5);
    BOOST_TEST(pool.stats().groups == 1u);
    for (int i = 0; i != 100; ++i)
      wait(queue->push(i));
    wait(queue->join());
    BOOST_TEST(states == 20); // No consumer of another queue ever ran.
    BOOST_TEST(done == 100);
  }
}

BOOST_AUTO_TEST_CASE(nothing_of_it_is_left) {
  auto work = [](int) {};
  const work_queue_options options{.consumers = 5};
  const auto left_after_one = [&](int k) {
    const std::int64_t before = allocation_faults::live();
    allocation_faults::arm(k, true);
    bool threw = false;
    try {
      weir::work_queue<int> queue(pool, options, work);
      allocation_faults::disarm();
      wait(queue.join());
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    allocation_faults::disarm();
    BOOST_TEST(threw == (k == 1));
    return allocation_faults::live() - before;
  };
  // Threads keep a block occasionally. A leak would leave one each time.
  std::int64_t left = 0;
  for (int i = 0; i != 100; ++i)
    left += left_after_one(1);
  BOOST_TEST(left < 50);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
