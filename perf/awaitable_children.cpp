// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what do children cost that stay asio::awaitable, in a group of
// weir's and in one written by hand? Both give each child its own strand.

#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

#include <atomic>
#include <cstddef>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

constexpr std::size_t warm_up = 100'000;

asio::awaitable<void> tick(counter& done) {
  done.fetch_add(1, std::memory_order_relaxed); // a number, nothing more
  co_return;
}

sample run_weir_awaitable_children(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    rt.run(with_task_group({.max_in_flight = load.cap},
                           [&](task_group& group) -> task<void> {
                             for (std::size_t i = 0; i != tasks; ++i)
                               co_await group.spawn(tick(done));
                           }));
    require(done == tasks, "children that ran");
  });
}

sample run_asio_awaitable_children(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    run_all<strand_group>(pool, tasks, load.cap, [&] { return tick(done); });
    require(done == tasks, "children that ran");
  });
}

} // namespace

perf_case awaitable_children_case() {
  return {
      .name = "awaitable_children",
      .question = "children that are asio::awaitable and do nothing",
      .loads = {{1'000'000, 1'000, 2}, {1'000'000, unlimited, 2}},
      .contenders = {{"weir", run_weir_awaitable_children},
                     {.library = "asio co_spawn on strands",
                      .run = run_asio_awaitable_children,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
