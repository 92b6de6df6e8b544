// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: does a process wake up in which every task waits? All tasks sleep
// for an hour; then one second is watched. A wake-up is a voluntary context
// switch of any thread but the one that watches.

#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "cases.hpp"
#include "sleepers.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <sys/resource.h>
#include <thread>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using counter = std::atomic<std::size_t>;

long switches_of(int who) {
  ::rusage used{};
  ::getrusage(who, &used);
  return used.ru_nvcsw;
}

long switches_of_others() {
  return switches_of(RUSAGE_SELF) - switches_of(RUSAGE_THREAD);
}

// Waits until all sleep, and watches.
figure watch_idle(const counter& parked, std::size_t tasks, stopwatch& watch) {
  while (parked.load(std::memory_order_relaxed) != tasks)
    std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(100ms); // what was begun ends
  watch.start();
  const long before = switches_of_others();
  std::this_thread::sleep_for(1s);
  const long after = switches_of_others();
  watch.stop();
  return {"wakeups", static_cast<double>(after - before)};
}

sample run_weir_idle(const workload& load) {
  runtime rt(load.threads);
  figure wakeups;
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    counter parked = 0;
    std::atomic<task_group*> sleepers = nullptr;
    std::thread runner([&] {
      rt.run(with_task_group({.cancellation = on_cancel::unwind},
                             [&](task_group& group) -> task<void> {
                               for (std::size_t i = 0; i != tasks; ++i)
                                 co_await group.spawn(sleeps_on(parked));
                               // release: whoever reads it may use the group.
                               sleepers.store(&group,
                                              std::memory_order_release);
                             }));
    });
    wakeups = watch_idle(parked, tasks, watch);
    task_group* group = nullptr;
    // acquire: pairs with the store.
    while ((group = sleepers.load(std::memory_order_acquire)) == nullptr)
      std::this_thread::yield();
    group->cancel();
    runner.join();
    require(parked == tasks, "tasks that slept");
  };
  sample seen = measure(load, 0, work);
  seen.figures = {wakeups};
  return seen;
}

sample run_asio_idle(const workload& load) {
  figure wakeups;
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    asio::thread_pool pool(load.threads);
    counter parked = 0;
    park_in_asio(pool, tasks, parked);
    wakeups = watch_idle(parked, tasks, watch);
    pool.stop();
    require(parked == tasks, "tasks that slept");
  };
  sample seen = measure(load, 0, work);
  seen.figures = {wakeups};
  return seen;
}

} // namespace

perf_case idle_case() {
  return {
      .name = "idle",
      .question = "wake-ups in one second in which every task sleeps",
      .loads = {{.tasks = 100'000, .cap = unlimited, .threads = 2}},
      .contenders = {{"weir", run_weir_idle},
                     {.library = "asio co_spawn, timer",
                      .run = run_asio_idle,
                      .is_baseline = true}},
      .floor_s = [](const workload&) { return 1.0; },
  };
}

} // namespace weir::perf
