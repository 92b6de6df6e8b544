// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: how long does a function wait that a foreign thread posts to a busy
// pool? Tasks are the functions, posted one by one some 100 us apart; as many
// tasks as the cap says yield without end meanwhile.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"
#include "quantiles.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

struct churn {
  std::atomic<bool> has_to_end = false;
  std::atomic<std::size_t> hopped = 0;
  std::atomic<std::size_t> running = 0;
};

// How long posted functions waited, in microseconds.
class waits {
public:
  explicit waits(std::size_t count) : us_(count) {}

  template <typename Executor>
  void post_all(const Executor& ex, stopwatch& watch) {
    watch.start();
    for (double& each : us_) {
      std::this_thread::sleep_for(50us); // and what the kernel adds
      const auto begin = steady_clock::now();
      asio::post(ex, [&each, this, begin] {
        each = std::chrono::duration<double, std::micro>(steady_clock::now() -
                                                         begin)
                   .count();
        // release: the reader below sees what was measured.
        started_.fetch_add(1, std::memory_order_release);
      });
    }
    // acquire: pairs with the increments.
    while (started_.load(std::memory_order_acquire) != us_.size())
      std::this_thread::sleep_for(50us);
    watch.stop();
  }

  const std::vector<double>& us() const { return us_; }

private:
  std::vector<double> us_;
  std::atomic<std::size_t> started_ = 0;
};

// Posts while the tasks run, then ends them.
template <typename Executor>
std::vector<figure> measure_waits(const Executor& ex,
                                  std::size_t tasks,
                                  std::size_t yielding,
                                  churn& all,
                                  stopwatch& watch) {
  while (all.running.load(std::memory_order_relaxed) != yielding)
    std::this_thread::sleep_for(1ms);
  waits seen(tasks);
  seen.post_all(ex, watch);
  all.has_to_end.store(true, std::memory_order_relaxed); // a flag, no more
  return quantiles(seen.us());
}

std::size_t yielding(const workload& load) {
  return load.cap == unlimited ? 1'000 : load.cap;
}

task<void> yields(churn& all) {
  all.running.fetch_add(1, std::memory_order_relaxed);
  std::size_t own = 0;
  for (; !all.has_to_end.load(std::memory_order_relaxed); ++own)
    co_await checkpoint();
  all.hopped.fetch_add(own, std::memory_order_relaxed);
}

sample run_weir_latency(const workload& load) {
  runtime rt(load.threads);
  std::vector<figure> figures;
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    churn all;
    std::thread runner([&] {
      rt.run(with_task_group({}, [&](task_group& group) -> task<void> {
        for (std::size_t i = 0; i != yielding(load); ++i)
          co_await group.spawn(yields(all));
      }));
    });
    figures =
        measure_waits(rt.get_executor(), tasks, yielding(load), all, watch);
    runner.join();
    require(all.hopped >= yielding(load), "hops");
  };
  sample seen = measure(load, 0, work);
  seen.figures = figures;
  return seen;
}

asio::awaitable<void> yields_in_asio(churn& all) {
  all.running.fetch_add(1, std::memory_order_relaxed);
  std::size_t own = 0;
  for (; !all.has_to_end.load(std::memory_order_relaxed); ++own)
    co_await asio::post(asio::deferred);
  all.hopped.fetch_add(own, std::memory_order_relaxed);
}

sample run_asio_latency(const workload& load) {
  asio::thread_pool pool(load.threads);
  std::vector<figure> figures;
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    churn all;
    std::thread runner([&] {
      run_all<pool_group>(
          pool, yielding(load), unlimited, [&] { return yields_in_asio(all); });
    });
    figures =
        measure_waits(pool.get_executor(), tasks, yielding(load), all, watch);
    runner.join();
    require(all.hopped >= yielding(load), "hops");
  };
  sample seen = measure(load, 0, work);
  seen.figures = figures;
  return seen;
}

} // namespace

perf_case latency_case() {
  return {
      .name = "latency",
      .question = "functions posted by a foreign thread to a pool that yields",
      .loads = {{.tasks = 5'000, .cap = 1'000, .threads = 2}},
      .contenders = {{"weir", run_weir_latency},
                     {.library = "asio co_spawn, post",
                      .run = run_asio_latency,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
