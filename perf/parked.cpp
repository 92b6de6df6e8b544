// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: how much memory does a task take that sleeps? Time is that until
// the last one sleeps; the bytes are what the process grew by, over the tasks.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "cases.hpp"
#include "sleepers.hpp"

#include <atomic>
#include <cstddef>
#include <thread>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

// Measures the growth until it is told that all sleep.
class growth {
public:
  growth() : before_(rss_kib()) {}

  void all_sleep(stopwatch& watch) {
    watch.stop();
    after_ = rss_kib();
  }

  figure per_task(std::size_t tasks) const {
    const auto kib = static_cast<double>(after_ - std::min(after_, before_));
    return {"bytes_per_task", kib * 1024 / static_cast<double>(tasks)};
  }

private:
  std::uint64_t before_;
  std::uint64_t after_ = 0;
};

sample run_weir_parked(const workload& load) {
  runtime rt(load.threads);
  growth grown;
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    counter parked = 0;
    rt.run(with_task_group({.cancellation = on_cancel::unwind},
                           [&](task_group& group) -> task<void> {
                             for (std::size_t i = 0; i != tasks; ++i)
                               co_await group.spawn(sleeps_on(parked));
                             while (parked.load(std::memory_order_relaxed) !=
                                    tasks)
                               co_await checkpoint();
                             grown.all_sleep(watch);
                             group.cancel();
                           }));
    require(parked == tasks, "tasks that slept");
  };
  sample seen = measure(load, 0, work);
  seen.figures = {grown.per_task(load.tasks)};
  return seen;
}

sample run_asio_parked(const workload& load) {
  growth grown;
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    asio::thread_pool pool(load.threads);
    counter parked = 0;
    park_in_asio(pool, tasks, parked);
    while (parked.load(std::memory_order_relaxed) != tasks)
      std::this_thread::yield();
    grown.all_sleep(watch);
    pool.stop();
    require(parked == tasks, "tasks that slept");
  };
  sample seen = measure(load, 0, work);
  seen.figures = {grown.per_task(load.tasks)};
  return seen;
}

} // namespace

perf_case parked_case() {
  return {
      .name = "parked",
      .question = "memory of tasks that sleep, all at the same time",
      .loads = {{.tasks = 1'000'000, .cap = unlimited, .threads = 2}},
      .contenders = {{"weir", run_weir_parked},
                     {.library = "asio co_spawn, timer",
                      .run = run_asio_parked,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
