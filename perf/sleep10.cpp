// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: a million tasks sleep 10 ms each, at most 50,000 at once. Physics
// asks for tasks / cap x 10 ms; what does the library add?

#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <chrono>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using counter = std::atomic<std::size_t>;

task<void> sleeps(counter& done) {
  co_await sleep_for(10ms);
  done.fetch_add(1, std::memory_order_relaxed); // a number, nothing more
}

asio::awaitable<void> sleeps_in_asio(counter& done) {
  asio::steady_timer timer(co_await asio::this_coro::executor, 10ms);
  co_await timer.async_wait(asio::deferred);
  done.fetch_add(1, std::memory_order_relaxed);
}

sample run_weir_sleep10(const workload& load) {
  runtime rt(load.threads);
  return measure(load, 0, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    rt.run(with_task_group({.max_in_flight = load.cap},
                           [&](task_group& group) -> task<void> {
                             for (std::size_t i = 0; i != tasks; ++i)
                               co_await group.spawn(sleeps(done));
                           }));
    require(done == tasks, "sleepers that woke up");
  });
}

template <typename Group>
sample run_asio_sleep10(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, 0, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    run_all<Group>(pool, tasks, load.cap, [&] { return sleeps_in_asio(done); });
    require(done == tasks, "sleepers that woke up");
  });
}

double floor_of(const workload& load) {
  const std::size_t batches =
      load.cap >= load.tasks ? 1 : (load.tasks + load.cap - 1) / load.cap;
  return static_cast<double>(batches) * 0.010;
}

} // namespace

perf_case sleep10_case() {
  return {
      .name = "sleep10",
      .question = "tasks that sleep 10 ms, a bounded number at once",
      .loads = {{.tasks = 1'000'000, .cap = 50'000, .threads = 2}},
      .contenders = with_callbacks<run_callbacks_sleep10>(
          {{"weir", run_weir_sleep10},
           {.library = "asio co_spawn, cap",
            .run = run_asio_sleep10<pool_group>,
            .is_baseline = true},
           {"asio co_spawn on strands", run_asio_sleep10<strand_group>}}),
      .floor_s = floor_of,
  };
}

} // namespace weir::perf
