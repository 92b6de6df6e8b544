// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Counts heap allocations; a program of its own.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/limiter.hpp>
#include <weir/reserve_tasks.hpp>
#include <weir/for_each.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/result_group.hpp>
#include <weir/runtime.hpp>
#include <weir/single_flight.hpp>
#include <weir/receive_any.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counting_malloc.hpp"
#include "support/pool_fixture.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <thread>
#include <ranges>
#include <utility>

namespace weir::test {

// One thread: what one thread frees, the other may have to allocate.
BOOST_FIXTURE_TEST_SUITE(allocations, pool_of<1>)

constexpr int tasks = 20'000;

// Allocations of the second of two runs of `work`, which awaits.
template <typename Work>
task<std::uint64_t> in_steady_state(Work& work) {
  co_await work();
  const std::uint64_t before = ::allocations;
  co_await work();
  co_return ::allocations - before;
}

BOOST_AUTO_TEST_CASE(the_counters_count) {
  const std::uint64_t before = ::allocations;
  const std::int64_t bytes = ::live_bytes;
  void* volatile p = ::operator new(1000);
  BOOST_TEST(::allocations - before >= 1u);
  BOOST_TEST(::live_bytes - bytes >= 1000);
  ::operator delete(p);
}

BOOST_AUTO_TEST_CASE(spawning_a_task_allocates_nothing) {
  for (std::size_t cap : {std::size_t{1}, std::size_t{1000}, unlimited}) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      auto work = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        for (int i = 0; i != tasks; ++i)
          co_await group.spawn(returns());
        co_await group.join();
      };
      BOOST_TEST(run(in_steady_state(work)) == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(spawning_a_callable_allocates_nothing) {
  int calls = 0; // one thread
  auto child = [](int& n, int by) -> task<> {
    n += by;
    co_return;
  };
  auto work = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 100});
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(child, std::ref(calls), 1);
    co_await group.join();
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
  BOOST_TEST(calls == 2 * tasks);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_slot_allocates_nothing) {
  auto work = [&]() -> task<> {
    task_group full(pool, {.max_in_flight = 1});
    task_group askers(pool);
    auto asks = [&]() -> task<> { co_await full.spawn(returns()); };
    for (int i = 0; i != tasks; ++i)
      co_await askers.spawn(asks);
    co_await askers.join();
    co_await full.join();
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
}

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

BOOST_AUTO_TEST_CASE(sleeping_allocates_nothing) {
  auto work = [&]() -> task<> {
    task_group group(pool);
    auto sleeps = []() -> task<> {
      co_await sleep_for(std::chrono::milliseconds(2));
    };
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(sleeps());
    co_await group.join();
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
}

BOOST_AUTO_TEST_CASE(awaiting_and_checkpoints_allocate_nothing) {
  auto work = []() -> task<> {
    for (int i = 0; i != tasks; ++i) {
      co_await returns();
      co_await checkpoint();
    }
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
}

BOOST_AUTO_TEST_CASE(cancelling_and_unwinding_allocate_nothing) {
  auto work = [&]() -> task<> {
    task_group group(pool, {.cancellation = on_cancel::unwind});
    auto sleeps = []() -> task<> { co_await sleep_for(std::chrono::hours(1)); };
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(sleeps());
    co_await checkpoint();
    group.cancel();
    co_await group.join();
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
}

// A frame of a size of its own: nobody has used that part of the cache.
template <int Size>
task<> fat(task_group& group, int& ready) {
  char bytes[Size];
  std::memset(bytes, ++ready, sizeof bytes);
  co_await group.wait_stopping();
  ready -= bytes[0] == bytes[1];
}

// Allocations of children in flight at once.
constexpr int burst = 3000;
template <typename Work>
task<std::uint64_t> first_burst(weir::runtime& pool, Work work) {
  task_group group(pool);
  int ready = 0;
  co_await until([&] { return ready == 0; }); // has a frame, too
  const std::uint64_t before = ::allocations;
  for (int i = 0; i != burst; ++i)
    co_await group.spawn(work, std::ref(group), std::ref(ready));
  co_await until([&] { return ready == burst; });
  const std::uint64_t allocated = ::allocations - before;
  group.request_stop();
  co_await group.join();
  co_return allocated;
}

BOOST_AUTO_TEST_CASE(a_first_burst_that_was_reserved_allocates_nothing) {
  int unused = 0;
  task_group group(pool);
  const auto reserve = [&](auto f) {
    reserve_tasks(burst, f, std::ref(group), std::ref(unused));
  };
  reserve(fat<300>);
  BOOST_TEST(run(first_burst(pool, fat<300>)) == 0u);
  // Without it, there is something to be seen.
  BOOST_TEST(run(first_burst(pool, fat<500>)) >= std::uint64_t(burst));
  // By any thread, any number of times.
  for (int i = 0; i != 3; ++i)
    std::thread([&] { reserve(fat<360>); }).join();
  BOOST_TEST(run(first_burst(pool, fat<360>)) == 0u);
  BOOST_CHECK_THROW(reserve(static_cast<decltype(&fat<1>)>(nullptr)),
                    std::invalid_argument);
  BOOST_TEST(unused == 0);
}

BOOST_AUTO_TEST_CASE(groups_allocate_nothing) {
  auto work = []() -> task<> {
    for (int i = 0; i != tasks / 10; ++i)
      co_await with_task_group({.max_in_flight = 2},
                               [](task_group& group) -> task<> {
                                 for (int n = 0; n != 3; ++n)
                                   co_await group.spawn(returns());
                               });
  };
  BOOST_TEST(run(in_steady_state(work)) == 0u);
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

BOOST_AUTO_TEST_CASE(a_stream_allocates_nothing_for_its_tasks) {
  int sum = 0; // one thread
  auto work = [](int n) -> task<int> {
    if (n % 3 == 0)
      co_await checkpoint();
    co_return 1;
  };
  ordered_stream<int> stream(pool,
                             {.max_in_flight = 10, .max_reorder = 4},
                             [&](int n) { sum += n; });
  auto feeds = [&]() -> task<> {
    for (int i = 0; i != tasks; ++i)
      co_await stream.submit(work, i);
    co_await stream.join();
  };
  // What a round shares, and where its results wait.
  BOOST_TEST(run(in_steady_state(feeds)) <= 2u);
  BOOST_TEST(sum == 2 * tasks);
}

BOOST_AUTO_TEST_CASE(on_two_threads_there_is_next_to_none_per_task) {
  weir::runtime two(2);
  auto work = [&]() -> task<> {
    task_group group(two, {.max_in_flight = 1000});
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(returns());
    co_await group.join();
  };
  // The threads come to share what is free only after a while.
  for (int i = 0; i != 10; ++i)
    (void)two.run(in_steady_state(work));
  BOOST_TEST(two.run(in_steady_state(work)) < tasks / 100u);
}

BOOST_AUTO_TEST_CASE(memory_is_bound_by_the_tasks_in_flight) {
  // What a million finished children leave behind.
  weir::runtime two(2);
  auto work = [&](int n) -> task<> {
    task_group group(two, {.max_in_flight = 100});
    for (int i = 0; i != n; ++i)
      co_await group.spawn(returns());
    co_await group.join();
  };
  two.run(work(100'000));
  const std::int64_t before = ::live_bytes;
  two.run(work(1'000'000));
  BOOST_TEST(::live_bytes - before < 256 * 1024);
}

BOOST_AUTO_TEST_CASE(a_destroyed_runtime_keeps_little) {
  auto round = [] {
    weir::runtime brief(2);
    auto work = [&]() -> task<> {
      task_group group(brief, {.max_in_flight = 50});
      for (int i = 0; i != 1000; ++i)
        co_await group.spawn(sleep_for(std::chrono::microseconds(1)));
      co_await group.join();
    };
    brief.run(work());
  };
  for (int i = 0; i != 20; ++i)
    round();
  const std::int64_t before = ::live_bytes;
  for (int i = 0; i != 50; ++i)
    round();
  BOOST_TEST(::live_bytes - before < 64 * 1024);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
