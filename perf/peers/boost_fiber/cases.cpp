// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Boost.Fiber: threads in user space, each with a stack. It cannot cancel a
// fiber that waits, so what asks for that is not here.

#include "../../cases.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include "../skynet_range.hpp"
#include "fiber_pool.hpp"

#include <boost/fiber/algo/shared_work.hpp>
#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/unbuffered_channel.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

namespace weir::perf {

using fibers::algo::shared_work;
using fibers::algo::work_stealing;

// Idle threads sleep in both.
template <>
void fiber_pool<shared_work>::share_fibers(std::size_t) {
  fibers::use_scheduling_algorithm<shared_work>(true);
}

template <>
void fiber_pool<work_stealing>::share_fibers(std::size_t threads) {
  fibers::use_scheduling_algorithm<work_stealing>(
      static_cast<std::uint32_t>(threads), true);
}

namespace {

using namespace std::chrono_literals;
using counter = std::atomic<std::size_t>;

// Starts `work` as often as there are tasks, and joins. Without a cap each
// runs at once: queued, their stacks would take all memory there is.
template <typename Work>
void run_all(std::size_t tasks, std::size_t cap, Work work) {
  const auto how =
      cap == unlimited ? fibers::launch::dispatch : fibers::launch::post;
  fiber_group group(cap);
  for (std::size_t i = 0; i != tasks; ++i)
    group.spawn(how, work);
  group.join();
}

template <typename Algorithm>
sample run_sleep10(const workload& load) {
  fiber_pool<Algorithm> pool(load.threads);
  return measure(load, 0, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    run_all(tasks, load.cap, [&] {
      boost::this_fiber::sleep_for(10ms);
      done.fetch_add(1, std::memory_order_relaxed);
    });
    require(done == tasks, "sleepers that woke up");
  });
}

template <typename Algorithm>
sample run_spawn_join(const workload& load) {
  fiber_pool<Algorithm> pool(load.threads);
  return measure(load, 100'000, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    run_all(
        tasks, load.cap, [&] { done.fetch_add(1, std::memory_order_relaxed); });
    require(done == tasks, "tasks that ran");
  });
}

template <typename Algorithm>
sample run_yield(const workload& load) {
  constexpr std::size_t hops = 10;
  fiber_pool<Algorithm> pool(load.threads);
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    counter hopped = 0;
    run_all(tasks, load.cap, [&] {
      std::size_t own = 0;
      for (; own != hops; ++own)
        boost::this_fiber::yield();
      hopped.fetch_add(own, std::memory_order_relaxed);
    });
    require(hopped == tasks * hops, "hops");
  });
}

std::size_t sum_of(range all) {
  if (all.count == 1)
    return all.first;
  std::size_t sums[range::ways] = {};
  std::vector<fibers::fiber> children;
  for (std::size_t i = 0; i != all.parts(); ++i)
    children.emplace_back(fibers::launch::dispatch,
                          std::allocator_arg,
                          cached_stack(),
                          [&sums, all, i] { sums[i] = sum_of(all.part(i)); });
  for (fibers::fiber& each : children)
    each.join();
  std::size_t sum = 0;
  for (std::size_t each : sums)
    sum += each;
  return sum;
}

template <typename Algorithm>
sample run_skynet(const workload& load) {
  fiber_pool<Algorithm> pool(load.threads);
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    require(sum_of({0, tasks}) == sum_to(tasks), "sum of the leaves");
  });
}

template <typename Algorithm>
sample run_flow(const workload& load) {
  fiber_pool<Algorithm> pool(load.threads);
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    fibers::buffered_channel<std::size_t> values(64);
    fibers::fiber sender([&] {
      for (std::size_t i = 0; i != tasks; ++i)
        values.push(i);
      values.close();
    });
    std::size_t sum = 0;
    for (std::size_t n : values)
      sum += n;
    sender.join();
    require(sum == sum_to(tasks), "sum of what arrived");
  });
}

template <typename Algorithm>
sample run_ping(const workload& load) {
  fiber_pool<Algorithm> pool(load.threads);
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    fibers::unbuffered_channel<std::size_t> there;
    fibers::unbuffered_channel<std::size_t> back;
    fibers::fiber answers([&] {
      for (std::size_t n : there)
        back.push(n);
    });
    std::size_t sum = 0;
    for (std::size_t i = 0; i != tasks; ++i) {
      there.push(i);
      sum += back.value_pop();
    }
    there.close();
    answers.join();
    require(sum == sum_to(tasks), "sum of the answers");
  });
}

perf_case case_of(const char* name,
                  workload load,
                  sample (*shared)(const workload&),
                  sample (*stolen)(const workload&)) {
  return {.name = name,
          .loads = {load},
          .contenders = {{"Boost.Fiber, shared_work", shared},
                         {"Boost.Fiber, work_stealing", stolen}}};
}

} // namespace

std::vector<perf_case> all_cases() {
  return {case_of("sleep10",
                  {1'000'000, 50'000, 2},
                  run_sleep10<shared_work>,
                  run_sleep10<work_stealing>),
          case_of("spawn_join",
                  {1'000'000, 1'000, 2},
                  run_spawn_join<shared_work>,
                  run_spawn_join<work_stealing>),
          case_of("yield",
                  {100'000, 1'000, 2},
                  run_yield<shared_work>,
                  run_yield<work_stealing>),
          case_of("skynet",
                  {1'000'000, unlimited, 2},
                  run_skynet<shared_work>,
                  run_skynet<work_stealing>),
          case_of("channel_flow",
                  {2'000'000, unlimited, 2},
                  run_flow<shared_work>,
                  run_flow<work_stealing>),
          case_of("channel_ping",
                  {500'000, unlimited, 2},
                  run_ping<shared_work>,
                  run_ping<work_stealing>)};
}

} // namespace weir::perf
