// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Memory is proportional to what is in flight, independent of the total number:
// compares the peak size of the heap between a run of few elements and one of
// 1e7 (2e6 where that takes too long). A separate program, which counts the
// heap.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/for_each.hpp>
#include <weir/limiter.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/result_group.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/transform.hpp>
#include <weir/with_task_group.hpp>
#include <weir/work_queue.hpp>

#include "support/counting_malloc.hpp"
#include "support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>

namespace weir::test {

// Two threads, so that blocks that one thread frees move to the other.
struct many_tasks {
  // Ten times what a case takes on a slow machine.
  watchdog dog;
  weir::runtime pool{2};

  // The peak growth of the heap while `work(n)` runs.
  template <typename Work>
  std::int64_t peak_of(Work& work, int n) {
    const std::int64_t before = ::live_bytes;
    ::peak_bytes = before;
    pool.run(work(n));
    return ::peak_bytes - before;
  }
  // `n` must not need more than few did, except for the bounded cache of
  // frames.
  template <typename Work>
  void holds_for(int n, Work work) {
    constexpr std::int64_t slack = 64 * 1024;
    (void)peak_of(work, 10'000); // fills the cache
    const std::int64_t few = peak_of(work, 100'000);
    const std::int64_t many = peak_of(work, n);
    BOOST_TEST_CONTEXT("few need " << few << ", many " << many)
    BOOST_TEST(many <= few + slack);
  }
};

BOOST_FIXTURE_TEST_SUITE(memory_in_flight, many_tasks)

// All cases together must take less than ten seconds: some use fewer than
// `many`.
constexpr int many = 10'000'000;
constexpr int fewer = 2'000'000;

task<int> gives(int n) {
  if (n % 16 == 0)
    co_await checkpoint();
  co_return n;
}

BOOST_AUTO_TEST_CASE(of_a_task_group) {
  holds_for(many, [&](int n) -> task<> {
    task_group group(pool, {.max_in_flight = 100});
    for (int i = 0; i != n; ++i)
      co_await group.spawn(gives(i));
    co_await group.join();
  });
}

BOOST_AUTO_TEST_CASE(of_a_completion_group_whose_results_are_taken) {
  holds_for(fewer, [&](int n) -> task<> {
    completion_group<int> group(pool,
                                {.max_in_flight = 10, .max_unconsumed = 20});
    auto spawns = [&]() -> task<> {
      for (int i = 0; i != n; ++i)
        co_await group.spawn(gives(i));
      group.close();
    };
    task_group producer(pool);
    co_await producer.spawn(spawns);
    while (co_await group.next()) {
    }
    co_await producer.join();
    co_await group.join();
  });
}

BOOST_AUTO_TEST_CASE(of_an_ordered_stream) {
  holds_for(fewer, [&](int n) -> task<> {
    ordered_stream<int> stream(
        pool, {.max_in_flight = 10, .max_reorder = 20}, [](int) {});
    for (int i = 0; i != n; ++i)
      co_await stream.submit(gives(i));
    co_await stream.join();
  });
}

BOOST_AUTO_TEST_CASE(of_a_work_queue) {
  holds_for(many, [&](int n) -> task<> {
    weir::work_queue<int> queue(
        pool, {.consumers = 4, .capacity = 20}, [](int) {});
    for (int i = 0; i != n; ++i)
      co_await queue.push(i);
    co_await queue.join();
  });
}

BOOST_AUTO_TEST_CASE(of_a_loop) {
  holds_for(many, [&](int n) -> task<> {
    auto later = [](int i) -> task<> { (void)co_await gives(i); };
    co_await weir::for_each(std::views::iota(0, n), {}, [](int) {});
    co_await weir::for_each(
        std::views::iota(0, n), {.max_in_flight = 10}, later);
  });
}

BOOST_AUTO_TEST_CASE(of_a_loop_over_a_producer) {
  holds_for(many, [&](int n) -> task<> {
    auto produce = [&]() -> task<std::optional<int>> {
      if (n == 0)
        co_return std::nullopt;
      co_return n--;
    };
    auto later = [](int i) -> task<> { (void)co_await gives(i); };
    co_await weir::for_each(produce, {.max_in_flight = 10}, later);
  });
}

BOOST_AUTO_TEST_CASE(of_a_channel) {
  for (std::size_t capacity : {0u, 20u})
    holds_for(capacity == 0 ? fewer / 2 : fewer, [&](int n) -> task<> {
      weir::channel<int> c(capacity);
      auto sends = [&]() -> task<> {
        for (int i = 0; i != n; ++i)
          co_await c.send(i);
        c.close();
      };
      task_group group(pool);
      co_await group.spawn(sends);
      while (co_await c.receive()) {
      }
      co_await group.join();
    });
}

BOOST_AUTO_TEST_CASE(of_a_limiter) {
  weir::limiter l(3);
  holds_for(many, [&](int n) -> task<> {
    auto works = [&](int times) -> task<> {
      for (int i = 0; i != times; ++i) {
        permit held = co_await l.acquire(1 + static_cast<std::size_t>(i % 3));
        if (i % 16 == 0)
          co_await checkpoint();
      }
    };
    task_group group(pool);
    for (int i = 0; i != 10; ++i)
      co_await group.spawn(works, n / 10);
    co_await group.join();
  });
}

BOOST_AUTO_TEST_CASE(of_a_group_with_a_limiter) {
  weir::limiter l(10);
  holds_for(fewer, [&](int n) -> task<> {
    task_group group(pool, {.limiter = &l});
    for (int i = 0; i != n; ++i)
      co_await group.spawn(gives(i),
                           {.weight = 1 + static_cast<unsigned>(i % 3)});
    co_await group.join();
  });
}

BOOST_AUTO_TEST_CASE(of_a_single_flight) {
  weir::single_flight<int, int> calls(pool);
  holds_for(fewer, [&](int n) -> task<> {
    auto asks = [&](int times) -> task<> {
      for (int i = 0; i != times; ++i)
        (void)co_await calls.run(i, gives, i);
    };
    task_group group(pool);
    for (int i = 0; i != 10; ++i)
      co_await group.spawn(asks, n / 10);
    co_await group.join();
  });
}

// --- what keeps its results, by contract ---

// Peak bytes for each of `n` results.
template <typename Peak>
double each(Peak peak, int n) {
  return static_cast<double>(peak) / n;
}

BOOST_AUTO_TEST_CASE(a_result_group_keeps_a_node_per_result) {
  const auto work = [&](int n) -> task<> {
    result_group<int> group(pool, {.max_in_flight = 100});
    for (int i = 0; i != n; ++i)
      co_await group.spawn(gives(i));
    (void)co_await group.join();
  };
  // A node (the former task, the result, its index, a link), and while the
  // results are sorted a pointer and a place in the vector for each.
  constexpr double node = sizeof(detail::result_node<int>) + 24;
  constexpr double place = sizeof(void*) + sizeof(result<int>);
  (void)peak_of(work, 10'000);
  const double bytes = each(peak_of(work, fewer), fewer);
  BOOST_TEST(bytes <= node + place);
}

BOOST_AUTO_TEST_CASE(a_transform_keeps_the_results_and_no_more) {
  const auto plain = [&](int n) -> task<> {
    auto all = co_await weir::transform(
        std::views::iota(0, n), {}, [](int i) { return i; });
    BOOST_REQUIRE(all.size() == static_cast<std::size_t>(n));
  };
  (void)peak_of(plain, 10'000);
  BOOST_TEST(each(peak_of(plain, many), many) <= sizeof(int) + 0.1);

  // The number of elements of a producer is unknown: each worker records the
  // places of its results, at most four words for each, in vectors that double;
  // at the end all records are merged.
  const auto produced = [&](int n) -> task<> {
    auto produce = [&]() -> task<std::optional<int>> {
      if (n == 0)
        co_return std::nullopt;
      co_return n--;
    };
    (void)co_await weir::transform(produce, {.max_in_flight = 4}, gives);
  };
  (void)peak_of(produced, 10'000);
  constexpr double noted = 4 * sizeof(void*) + sizeof(int);
  BOOST_TEST(each(peak_of(produced, fewer), fewer) <= 2 * 3 * noted);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
