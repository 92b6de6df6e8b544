// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The floor: the same work in loops, one a thread, without tasks. What a
// library adds is what it takes beyond this.

#include "../../cases.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include "../matmul.hpp"
#include "../skynet_range.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

// Calls `part(i)` on the thread `i`.
template <typename Part>
void on_threads(std::size_t threads, Part part) {
  std::vector<std::thread> all;
  for (std::size_t i = 0; i != threads; ++i)
    all.emplace_back([&part, i] { part(i); });
  for (std::thread& each : all)
    each.join();
}

std::size_t share(std::size_t tasks, std::size_t i, std::size_t parts) {
  return tasks * (i + 1) / parts - tasks * i / parts;
}

sample run_spawn_join(const workload& load) {
  return measure(load, 100'000, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    on_threads(load.threads, [&](std::size_t i) {
      for (std::size_t n = share(tasks, i, load.threads); n != 0; --n)
        done.fetch_add(1, std::memory_order_relaxed);
    });
    require(done == tasks, "additions");
  });
}

// What is left of a task that yields: a place in a ring that a loop goes round,
// and a call through a pointer.
struct hopper {
  void (*hop)(hopper& self);
  std::size_t left;
  std::size_t hopped = 0;
};

void hop(hopper& self) {
  ++self.hopped;
  --self.left;
}

sample run_yield(const workload& load) {
  constexpr std::size_t hops = 10;
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    counter hopped = 0;
    on_threads(load.threads, [&](std::size_t i) {
      std::size_t left = share(tasks, i, load.threads);
      std::size_t own = 0;
      while (left != 0) {
        const std::size_t at_once = std::min({left, load.cap, tasks});
        std::vector<hopper> ring(at_once, {.hop = hop, .left = hops});
        while (ring.front().left != 0)
          for (hopper& each : ring)
            each.hop(each);
        for (const hopper& each : ring)
          own += each.hopped;
        left -= at_once;
      }
      hopped.fetch_add(own, std::memory_order_relaxed);
    });
    require(hopped == tasks * hops, "hops");
  });
}

sample run_skynet(const workload& load) {
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    counter next = 0;
    counter sum = 0;
    const range all{0, tasks};
    on_threads(load.threads, [&](std::size_t) {
      for (std::size_t i = 0; (i = next.fetch_add(1)) < all.parts();)
        sum.fetch_add(sum_in_turn(all.part(i)), std::memory_order_relaxed);
    });
    require(sum == sum_to(tasks), "sum of the leaves");
  });
}

void multiply(block c, block a, block b) {
  if (c.rows == block::leaf)
    return multiply_leaf(c, a, b);
  for (std::size_t i = 0; i != 8; ++i)
    multiply(c.quarter(i / 2 % 2, i % 2),
             a.quarter(i / 2 % 2, i / 4),
             b.quarter(i / 4, i % 2));
}

// Parts of the product are handed out; what a thread takes it does by itself.
sample run_matmul(const workload& load) {
  return measure_matmul(load, [&](product& p) {
    const std::size_t across =
        std::min<std::size_t>(4, p.c().rows / block::leaf);
    counter next = 0;
    on_threads(load.threads, [&](std::size_t) {
      for (std::size_t i = 0; (i = next.fetch_add(1)) < across * across;)
        for (std::size_t k = 0; k != across; ++k)
          multiply(p.c().part(i / across, i % across, across),
                   p.a().part(i / across, k, across),
                   p.b().part(k, i % across, across));
    });
  });
}

} // namespace

std::vector<perf_case> all_cases() {
  const std::string loops = "std::thread loops";
  return {{.name = "spawn_join",
           .loads = {{1'000'000, unlimited, 2}},
           .contenders = {{loops, run_spawn_join}}},
          {.name = "yield",
           .loads = {{100'000, 1'000, 2}},
           .contenders = {{loops, run_yield}}},
          {.name = "skynet",
           .loads = {{1'000'000, unlimited, 2}},
           .contenders = {{loops, run_skynet}}},
          {.name = "matmul",
           .loads = {{1'024, unlimited, 2}},
           .contenders = {{loops, run_matmul}}}};
}

} // namespace weir::perf
