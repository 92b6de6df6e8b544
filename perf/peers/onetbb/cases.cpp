// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// oneTBB has tasks that compute and groups that wait for them. It has no cap,
// nothing that sleeps or yields, and cancels only what has not started.

#include "../../cases.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include "../matmul.hpp"
#include "../skynet_range.hpp"
#include "../trees.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <vector>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

// Runs `work` with `threads` threads; the calling one is among them.
template <typename Work>
void in_arena(std::size_t threads, Work work) {
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  threads);
  tbb::task_arena arena(static_cast<int>(threads));
  arena.execute(work);
}

sample run_spawn_join(const workload& load) {
  return measure(load, 100'000, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    in_arena(load.threads, [&] {
      tbb::task_group group;
      for (std::size_t i = 0; i != tasks; ++i)
        group.run([&] { done.fetch_add(1, std::memory_order_relaxed); });
      group.wait();
    });
    require(done == tasks, "tasks that ran");
  });
}

// Trees of at most `grain` leaves are not divided, but summed by calls.
template <std::size_t grain>
std::size_t sum_of(range all) {
  if (all.count <= grain)
    return sum_in_turn(all);
  std::size_t sums[range::ways] = {};
  tbb::task_group group;
  for (std::size_t i = 0; i != all.parts(); ++i)
    group.run([&sums, all, i] { sums[i] = sum_of<grain>(all.part(i)); });
  group.wait();
  std::size_t sum = 0;
  for (std::size_t each : sums)
    sum += each;
  return sum;
}

template <std::size_t grain>
sample run_skynet(const workload& load) {
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    std::size_t sum = 0;
    in_arena(load.threads, [&] { sum = sum_of<grain>({0, tasks}); });
    require(sum == sum_to(tasks), "sum of the leaves");
  });
}

std::uint64_t fib(unsigned n) {
  if (n < 2)
    return n;
  std::uint64_t parts[2] = {};
  tbb::task_group group;
  group.run([&] { parts[0] = fib(n - 1); });
  group.run([&] { parts[1] = fib(n - 2); });
  group.wait();
  return parts[0] + parts[1];
}

sample run_fib(const workload& load) {
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    const unsigned n = fib_of_size(tasks);
    std::uint64_t result = 0;
    in_arena(load.threads, [&] { result = fib(n); });
    require(result == fib_of(n), "fib");
  });
}

std::size_t queens(const board& b) {
  if (b.is_full())
    return 1;
  std::size_t each[board::most] = {};
  tbb::task_group group;
  for (unsigned c = 0; c != b.rows(); ++c)
    if (b.is_free(c))
      group.run([&each, b, c] { each[c] = queens(b.with(c)); });
  group.wait();
  std::size_t all = 0;
  for (const std::size_t solutions : each)
    all += solutions;
  return all;
}

sample run_nqueens(const workload& load) {
  const board all = board::of_size(load.tasks);
  const std::size_t solutions = board::solutions(all);
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch& watch) {
    const board b = tasks == load.tasks ? all : board::of_size(tasks);
    std::size_t found = 0;
    watch.start();
    in_arena(load.threads, [&] { found = queens(b); });
    watch.stop();
    require(tasks != load.tasks || found == solutions, "solutions");
  });
}

void multiply(block c, block a, block b) {
  if (c.rows == block::leaf)
    return multiply_leaf(c, a, b);
  for (unsigned k = 0; k != 2; ++k) {
    tbb::task_group group;
    for (unsigned i = 0; i != 4; ++i)
      group.run([=] {
        multiply(
            c.quarter(i / 2, i % 2), a.quarter(i / 2, k), b.quarter(k, i % 2));
      });
    group.wait();
  }
}

sample run_matmul(const workload& load) {
  return measure_matmul(load, [&](product& p) {
    in_arena(load.threads, [&] { multiply(p.c(), p.a(), p.b()); });
  });
}

template <std::size_t children>
sample run_groups(const workload& load) {
  return measure(load, 10'000, [&](std::size_t groups, stopwatch&) {
    std::size_t sum = 0;
    in_arena(load.threads, [&] {
      for (std::size_t i = 0; i != groups; ++i) {
        std::array<std::size_t, children> done{};
        tbb::task_group group;
        for (std::size_t& each : done)
          group.run([&each] { each = 1; });
        group.wait();
        for (const std::size_t each : done)
          sum += each;
      }
    });
    require(sum == groups * children, "children that ran");
  });
}

} // namespace

std::vector<perf_case> all_cases() {
  const std::string group = "oneTBB task_group";
  const auto groups_of = [&](const char* name, auto* run) {
    return perf_case{.name = name,
                     .loads = {{100'000, unlimited, 2}},
                     .contenders = {{group, run}}};
  };
  return {{.name = "spawn_join",
           .loads = {{1'000'000, unlimited, 2}},
           .contenders = {{group, run_spawn_join}}},
          {.name = "skynet",
           .loads = {{1'000'000, unlimited, 2}},
           .contenders = {{group, run_skynet<1>},
                          {group + " above 1,000 leaves", run_skynet<1'000>}}},
          {.name = "fib",
           .loads = {{fib_calls(27), unlimited, 2}},
           .contenders = {{group, run_fib}}},
          {.name = "nqueens",
           .loads = {{856'189, unlimited, 2}},
           .contenders = {{group, run_nqueens}}},
          {.name = "matmul",
           .loads = {{1'024, unlimited, 2}},
           .contenders = {{group, run_matmul}}},
          groups_of("groups_1", &run_groups<1>),
          groups_of("groups_2", &run_groups<2>),
          groups_of("groups_8", &run_groups<8>),
          groups_of("groups_32", &run_groups<32>)};
}

} // namespace weir::perf
