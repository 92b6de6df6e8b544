// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does it cost to let others run? Each task goes through the
// queue ten times.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"

#include <atomic>
#include <cstddef>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

constexpr std::size_t hops = 10;
constexpr std::size_t warm_up = 10'000;

task<void> yields(counter& hopped) {
  std::size_t own = 0;
  for (; own != hops; ++own)
    co_await checkpoint();
  hopped.fetch_add(own, std::memory_order_relaxed); // a number, nothing more
}

asio::awaitable<void> yields_in_asio(counter& hopped) {
  std::size_t own = 0;
  for (; own != hops; ++own)
    co_await asio::post(asio::deferred);
  hopped.fetch_add(own, std::memory_order_relaxed);
}

sample run_weir_yield(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter hopped = 0;
    rt.run(with_task_group({.max_in_flight = load.cap},
                           [&](task_group& group) -> task<void> {
                             for (std::size_t i = 0; i != tasks; ++i)
                               co_await group.spawn(yields(hopped));
                           }));
    require(hopped == tasks * hops, "hops");
  });
}

template <typename Group>
sample run_asio_yield(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter hopped = 0;
    run_all<Group>(
        pool, tasks, load.cap, [&] { return yields_in_asio(hopped); });
    require(hopped == tasks * hops, "hops");
  });
}

} // namespace

perf_case yield_case() {
  return {
      .name = "yield",
      .question = "tasks that let others run ten times each",
      .loads = {{.tasks = 100'000, .cap = 1'000, .threads = 2}},
      .contenders = with_callbacks<run_callbacks_yield>(
          {{"weir", run_weir_yield},
           {.library = "asio co_spawn, cap",
            .run = run_asio_yield<pool_group>,
            .is_baseline = true},
           {"asio co_spawn on strands", run_asio_yield<strand_group>}}),
  };
}

} // namespace weir::perf
