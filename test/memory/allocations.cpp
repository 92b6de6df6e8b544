// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Counts heap allocations; a program of its own.

#include <weir/checkpoint.hpp>
#include <weir/detail/base/frame_cache.hpp>
#include <weir/reserve_tasks.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counting_malloc.hpp"
#include "support/pool_fixture.hpp"
#include "support/steady_state.hpp"
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
#include <utility>

namespace weir::test {

// One thread: what one thread frees, the other may have to allocate.
BOOST_FIXTURE_TEST_SUITE(allocations, pool_of<1>)

constexpr int tasks = 20'000;

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

BOOST_AUTO_TEST_CASE(sleeping_allocates_nothing) {
  auto work = [&]() -> task<> {
    // Capped, or the second run may have more in flight than the first.
    task_group group(pool, {.max_in_flight = 1000});
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

task<> waits_to_be_stopped(task_group& group, int& waiting) {
  ++waiting;
  co_await group.wait_stopping();
}
task<> waits_to_be_cancelled(task_group&, int& waiting) {
  ++waiting;
  co_await sleep_for(std::chrono::hours(1));
}

// Allocations of `end(group)` while three children wait. In the cache is only
// what the worker has used to sleep.
template <typename Wait, typename End>
task<std::uint64_t> first_end(weir::runtime& pool, Wait wait, End end) {
  task_group group(pool, {.cancellation = on_cancel::unwind});
  int waiting = 0;
  for (int i = 0; i != 3; ++i)
    co_await group.spawn(wait, std::ref(group), std::ref(waiting));
  co_await until([&] { return waiting == 3; });
  task<> ends = end(group);
  detail::empty_cache();
  co_await sleep_for(std::chrono::milliseconds(1));
  const std::uint64_t before = ::allocations;
  co_await std::move(ends);
  const std::uint64_t allocated = ::allocations - before;
  co_await group.join();
  co_return allocated;
}

BOOST_AUTO_TEST_CASE(cancel_allocates_nothing) {
  auto cancels = [](task_group& group) -> task<> {
    group.cancel();
    co_await group.join(); // waits until they have unwound
  };
  BOOST_TEST(run(first_end(pool, waits_to_be_cancelled, cancels)) == 0u);
}

BOOST_AUTO_TEST_CASE(completion_allocates_nothing) {
  auto completes = [](task_group& group) -> task<> {
    group.request_stop();
    while (group.stats().in_flight != 0)
      co_await checkpoint();
  };
  BOOST_TEST(run(first_end(pool, waits_to_be_stopped, completes)) == 0u);
}

BOOST_AUTO_TEST_CASE(join_allocates_nothing) {
  auto joins = [](task_group& group) -> task<> {
    group.request_stop();
    co_await group.join();
  };
  BOOST_TEST(run(first_end(pool, waits_to_be_stopped, joins)) == 0u);
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

// A frame of a unique size: that part of the cache is unused.
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
  // Without reserve() there are allocations.
  BOOST_TEST(run(first_burst(pool, fat<500>)) >= std::uint64_t(burst));
  // With it there are none, on any thread, any number of times.
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

BOOST_AUTO_TEST_CASE(on_two_threads_there_is_next_to_none_per_task) {
  weir::runtime two(2);
  auto work = [&]() -> task<> {
    task_group group(two, {.max_in_flight = 1000});
    for (int i = 0; i != tasks; ++i)
      co_await group.spawn(returns());
    co_await group.join();
  };
  // The threads share free blocks only after some rounds.
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
