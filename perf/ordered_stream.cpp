// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does the order of an ordered_stream cost per task, beside
// tasks without an order and beside an order kept by hand?

#include <weir/ordered_stream.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 100'000;

task<std::size_t> gives(std::size_t n) { co_return n; }

task<void> tick(std::atomic<std::size_t>& done) {
  done.fetch_add(1, std::memory_order_relaxed); // a number, nothing more
  co_return;
}

// The callback: counts those that come in their order.
struct in_order {
  void operator()(std::size_t n) noexcept {
    if (n == next)
      ++next;
  }
  std::size_t next = 0;
};

sample run_weir_ordered_stream(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    in_order seen;
    auto main = [&]() -> task<void> {
      ordered_stream<std::size_t> stream(
          rt,
          {.max_in_flight = load.cap, .max_reorder = load.cap},
          [&](std::size_t n) { seen(n); });
      for (std::size_t i = 0; i != tasks; ++i)
        co_await stream.submit(gives(i));
      co_await stream.join();
    };
    rt.run(main());
    require(seen.next == tasks, "values in their order");
  });
}

sample run_unordered_ordered_stream(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    std::atomic<std::size_t> done = 0;
    rt.run(with_task_group({.max_in_flight = load.cap},
                           [&](task_group& group) -> task<void> {
                             for (std::size_t i = 0; i != tasks; ++i)
                               co_await group.spawn(tick(done));
                           }));
    require(done == tasks, "tasks that ran");
  });
}

// By hand: results that came early wait in a map.
struct reorder {
  void arrive(std::size_t n) {
    std::lock_guard lock(mutex);
    early.emplace(n, n);
    while (!early.empty() && early.begin()->first == seen.next) {
      seen(early.begin()->second);
      early.erase(early.begin());
    }
  }
  std::mutex mutex;
  std::map<std::size_t, std::size_t> early; // under mutex
  in_order seen;                            // under mutex
};

asio::awaitable<void> arrives(reorder& order, std::size_t n) {
  order.arrive(n);
  co_return;
}

sample run_asio_ordered_stream(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    reorder order;
    std::size_t next = 0;
    run_all<pool_group>(
        pool, tasks, load.cap, [&] { return arrives(order, next++); });
    require(order.seen.next == tasks, "values in their order");
  });
}

} // namespace

perf_case ordered_stream_case() {
  return {
      .name = "ordered_stream",
      .question = "tasks that give a number, and a callback for each in order",
      .loads = {{1'000'000, 1'000, 2},
                {1'000'000, 1'000, 1},
                {1'000'000, unlimited, 2}},
      .contenders = {{"weir", run_weir_ordered_stream},
                     {"weir, without an order", run_unordered_ordered_stream},
                     {.library = "asio co_spawn, cap, a map",
                      .run = run_asio_ordered_stream,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
