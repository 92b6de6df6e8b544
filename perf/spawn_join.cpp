// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does it cost to start an empty task and to wait for it, with
// a cap and without, on two threads and on one?

#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"

#include <atomic>
#include <cstddef>
#include <future>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

task<void> tick(counter& done) {
  done.fetch_add(1, std::memory_order_relaxed); // a number, nothing more
  co_return;
}

asio::awaitable<void> tick_in_asio(counter& done) {
  done.fetch_add(1, std::memory_order_relaxed);
  co_return;
}

constexpr std::size_t warm_up = 100'000;

sample run_weir_spawn_join(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    rt.run(with_task_group({.max_in_flight = load.cap},
                           [&](task_group& group) -> task<void> {
                             for (std::size_t i = 0; i != tasks; ++i)
                               co_await group.spawn(tick(done));
                           }));
    require(done == tasks, "tasks that ran");
  });
}

template <typename Group>
sample run_asio_spawn_join(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    run_all<Group>(pool, tasks, load.cap, [&] { return tick_in_asio(done); });
    require(done == tasks, "tasks that ran");
  });
}

// No coroutine, no cap, no group: what Asio's scheduler takes for itself.
sample run_post(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    std::promise<void> all_done;
    const auto ex = pool.get_executor();
    const auto count_one = [&] {
      if (done.fetch_add(1, std::memory_order_relaxed) + 1 == tasks)
        all_done.set_value();
    };
    auto post_all = [&] {
      for (std::size_t i = 0; i != tasks; ++i)
        asio::post(ex, [&] { count_one(); });
    };
    asio::post(ex, asio::use_future(post_all)).wait();
    all_done.get_future().wait();
    require(done == tasks, "functions that ran");
  });
}

} // namespace

perf_case spawn_join_case() {
  return {
      .name = "spawn_join",
      .question = "tasks that do nothing: start them, wait for them all",
      .loads = {{1'000'000, 1'000, 2},
                {1'000'000, 1'000, 1},
                {1'000'000, unlimited, 2},
                {1'000'000, unlimited, 1}},
      .contenders = with_callbacks<run_callbacks_spawn_join>(
          {{"weir", run_weir_spawn_join},
           {.library = "asio co_spawn, cap",
            .run = run_asio_spawn_join<pool_group>,
            .is_baseline = true},
           {"asio co_spawn on strands", run_asio_spawn_join<strand_group>},
           {.library = "asio post", .run = run_post, .ignores_cap = true}}),
  };
}

} // namespace weir::perf
