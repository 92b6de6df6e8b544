// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does for_each() cost per element, with a plain function and
// with an asynchronous one, beside a spawn for each element?

#include <weir/for_each.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

#include <atomic>
#include <cstddef>
#include <ranges>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;

constexpr std::size_t warm_up = 100'000;

task<void> tick(counter& done) {
  done.fetch_add(1, std::memory_order_relaxed); // a number, nothing more
  co_return;
}

asio::awaitable<void> tick_in_asio(counter& done) {
  done.fetch_add(1, std::memory_order_relaxed);
  co_return;
}

sample run_plain(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    rt.run(weir::for_each(
        std::views::iota(std::size_t{0}, tasks),
        {.max_in_flight = load.cap},
        [&](std::size_t) { done.fetch_add(1, std::memory_order_relaxed); }));
    require(done == tasks, "elements that were run");
  });
}

sample run_async(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    rt.run(weir::for_each(std::views::iota(std::size_t{0}, tasks),
                          {.max_in_flight = load.cap},
                          [&](std::size_t) { return tick(done); }));
    require(done == tasks, "elements that were run");
  });
}

sample run_spawn(const workload& load) {
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

sample run_asio_for_each(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    run_all<pool_group>(
        pool, tasks, load.cap, [&] { return tick_in_asio(done); });
    require(done == tasks, "tasks that ran");
  });
}

} // namespace

perf_case for_each_case() {
  return {
      .name = "for_each",
      .question = "a count for each element of a range",
      .loads = {{1'000'000, 1'000, 2},
                {1'000'000, 1'000, 1},
                {1'000'000, unlimited, 2}},
      .contenders = {{"weir, plain function", run_plain},
                     {"weir, asynchronous function", run_async},
                     {"weir, a spawn for each", run_spawn},
                     {.library = "asio co_spawn for each, cap",
                      .run = run_asio_for_each,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
