// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Counts heap allocations of what is built on groups; a program of its own.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/for_each.hpp>
#include <weir/limiter.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/receive_any.hpp>
#include <weir/result_group.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counting_malloc.hpp"
#include "support/pool_fixture.hpp"
#include "support/steady_state.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>

namespace weir::test {

// One thread: what one thread frees, the other may have to allocate.
BOOST_FIXTURE_TEST_SUITE(allocations_objects, pool_of<1>)

constexpr int tasks = 20'000;

BOOST_AUTO_TEST_CASE(permits_and_waiting_for_them_allocate_nothing) {
  weir::limiter l(2);
  auto work = [&]() -> task<> {
    task_group group(pool);
    auto child = [&]() -> task<> {
      permit held = co_await l.acquire(2);
      co_await checkpoint();
    };
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(child);
    co_await group.join();
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
}

BOOST_AUTO_TEST_CASE(channels_allocate_nothing_once_they_are_there) {
  for (std::size_t capacity : {0u, 1u, 50u}) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      weir::channel<int> a(capacity);
      weir::channel<int> b(capacity);
      auto sends = [](weir::channel<int>& to) -> task<> {
        for (int i = 0; i != tasks; ++i)
          co_await to.send(i);
      };
      auto receives = [&]() -> task<> {
        for (int i = 0; i != tasks; ++i)
          (void)co_await a.receive();
      };
      auto merges = [&]() -> task<> {
        for (int i = 0; i != 2 * tasks; ++i)
          (void)co_await receive_any(a, b);
      };
      // A frame with all of it would be too large for the cache.
      auto work = [&]() -> task<> {
        task_group group(pool);
        for (weir::channel<int>* to : {&a, &a, &b})
          co_await group.spawn(sends, std::ref(*to));
        co_await receives();
        co_await merges();
        co_await group.join();
      };
      BOOST_TEST(run(in_steady_state(work)) == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wait_in_a_range_of_channels_allocates_only_at_the_call) {
  weir::channel<int> a(0);
  weir::channel<int> b(0);
  const std::array<weir::channel<int>*, 2> all{&a, &b};
  auto sends = [&]() -> task<> {
    for (int i = 0; i != tasks; ++i)
      co_await b.send(i);
  };
  auto work = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(sends);
    for (int i = 0; i != tasks; ++i)
      (void)co_await receive_any(all);
    co_await group.join();
  };
  // The channels, their entries, their locks.
  BOOST_TEST(run(in_steady_state(work)) <= 3u * tasks);
}

task<int> gives(int n) { co_return n; }

BOOST_AUTO_TEST_CASE(a_result_takes_no_allocation_of_its_own) {
  auto work = [&]() -> task<> {
    result_group<int> group(pool, {.max_in_flight = 100});
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(gives(i));
    (void)co_await group.join(); // two vectors
  };
  BOOST_TEST(run(in_steady_state(work)) <= 2u);
}

BOOST_AUTO_TEST_CASE(taking_results_as_they_come_allocates_nothing) {
  auto work = [&]() -> task<> {
    completion_group<int> group(pool,
                                {.max_in_flight = 10, .max_unconsumed = 5});
    task_group producers(pool);
    auto produces = [&]() -> task<> {
      for (int i = 0; i != tasks; ++i)
        co_await group.spawn(gives(i));
      group.close();
    };
    co_await producers.spawn(produces);
    while (co_await group.next()) {
    }
    co_await producers.join();
    co_await group.join();
  };
  BOOST_TEST(run(in_steady_state(work)) <= 1u); // what the group shares
}

BOOST_AUTO_TEST_CASE(waiting_for_a_shared_call_allocates_nothing) {
  weir::single_flight<int, int> calls(pool);
  std::size_t expected = 0;
  auto call = [&]() -> task<int> {
    co_await until([&] { return calls.waiting() == expected; });
    co_return 1;
  };
  auto asks = [&]() -> task<> { (void)co_await calls.run(1, call); };
  auto work = [&]() -> task<> {
    expected = 1000;
    task_group group(pool);
    for (int i = 0; i != 1000; ++i)
      co_await group.spawn(asks);
    co_await group.join();
  };
  // The first: the call, its entry, its value.
  BOOST_TEST(run(in_steady_state(work)) <= 4u);
}

BOOST_AUTO_TEST_CASE(a_loop_allocates_nothing_for_its_elements) {
  std::atomic<int> calls{0};
  auto later = [&](int) -> task<> {
    ++calls;
    co_await checkpoint();
  };
  auto work = [&]() -> task<> {
    const auto range = std::views::iota(0, tasks);
    co_await weir::for_each(range, {}, [&](int) { ++calls; });
    co_await weir::for_each(range, {.max_in_flight = 10}, later);
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
  BOOST_TEST(calls == 4 * tasks);
}

BOOST_AUTO_TEST_CASE(a_loop_has_no_more_workers_than_work) {
  int left = 100;
  auto produce = [&]() -> task<std::optional<int>> {
    for (int i = 0; i != 100; ++i)
      co_await checkpoint(); // while workers could begin
    if (left-- == 0)
      co_return std::nullopt;
    co_return 1;
  };
  auto later = [](int) -> task<> { co_await checkpoint(); };
  const std::uint64_t before = ::allocations;
  run(weir::for_each(produce, {.max_in_flight = 100'000}, later));
  BOOST_TEST(::allocations - before < 1000u);
}

BOOST_AUTO_TEST_CASE(a_stream_allocates_nothing_for_its_tasks) {
  int sum = 0; // one thread
  int rounds = 0;
  auto work = [](int n) -> task<int> {
    if (n % 3 == 0)
      co_await checkpoint();
    co_return 1;
  };
  ordered_stream<int> stream(
      pool, {.max_in_flight = 10, .max_reorder = 4}, [&](int n) { sum += n; });
  auto feeds = [&]() -> task<> {
    ++rounds;
    for (int i = 0; i != tasks; ++i)
      co_await stream.submit(work, i);
    co_await stream.join();
  };
  // What a round shares, and where its results wait.
  BOOST_TEST(run(in_steady_state(feeds)) <= 2u);
  BOOST_TEST(sum == rounds * tasks);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
