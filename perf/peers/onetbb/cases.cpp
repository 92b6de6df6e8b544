// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// oneTBB has tasks that compute and groups that wait for them. It has no cap,
// nothing that sleeps or yields, and cancels only what has not started.

#include "../../cases.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include "../skynet_range.hpp"

#include <atomic>
#include <cstddef>
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

std::size_t sum_of(range all) {
  if (all.count == 1)
    return all.first;
  std::size_t sums[range::ways] = {};
  tbb::task_group group;
  for (std::size_t i = 0; i != all.parts(); ++i)
    group.run([&sums, all, i] { sums[i] = sum_of(all.part(i)); });
  group.wait();
  std::size_t sum = 0;
  for (std::size_t each : sums)
    sum += each;
  return sum;
}

sample run_skynet(const workload& load) {
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    std::size_t sum = 0;
    in_arena(load.threads, [&] { sum = sum_of({0, tasks}); });
    require(sum == sum_to(tasks), "sum of the leaves");
  });
}

} // namespace

std::vector<perf_case> all_cases() {
  const std::string group = "oneTBB task_group";
  return {{.name = "spawn_join",
           .loads = {{1'000'000, unlimited, 2}},
           .contenders = {{group, run_spawn_join}}},
          {.name = "skynet",
           .loads = {{1'000'000, unlimited, 2}},
           .contenders = {{group, run_skynet}}}};
}

} // namespace weir::perf
