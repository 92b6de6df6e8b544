// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: ten thousand siblings sleep and one throws. How long from the
// throw until all have ended and the error has come out of the join? Tasks are
// the siblings.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using counter = std::atomic<std::size_t>;

struct failure : std::exception {};

struct siblings {
  counter parked = 0;
  counter ended = 0;
};

// Counts whichever way the frame goes.
struct end_mark {
  explicit end_mark(siblings& all) : all(all) {}
  end_mark(const end_mark&) = delete;
  end_mark& operator=(const end_mark&) = delete;
  ~end_mark() { all.ended.fetch_add(1, std::memory_order_relaxed); }

  siblings& all;
};

task<void> sleeps(siblings& all) {
  end_mark mark(all);
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await sleep_for(1h);
}

task<void> fails(siblings& all, std::size_t count, stopwatch& watch) {
  while (all.parked.load(std::memory_order_relaxed) != count)
    co_await checkpoint();
  watch.start();
  throw failure();
}

template <on_cancel Way>
sample run_weir(const workload& load) {
  runtime rt(load.threads);
  return measure(load, load.tasks, [&](std::size_t tasks, stopwatch& watch) {
    siblings all;
    bool has_failed = false;
    try {
      rt.run(with_task_group({.cancellation = Way},
                             [&](task_group& group) -> task<void> {
                               for (std::size_t i = 0; i != tasks; ++i)
                                 co_await group.spawn(sleeps(all));
                               co_await group.spawn(fails(all, tasks, watch));
                             }));
    } catch (const failure&) {
      watch.stop();
      has_failed = true;
    }
    require(has_failed, "the error that came out of the join");
    require(all.ended == tasks, "siblings that ended");
  });
}

asio::awaitable<void> sleeps_in_asio(siblings& all) {
  end_mark mark(all);
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await timer.async_wait(asio::deferred);
}

// No exception in the sibling: as far as hand-written Asio goes.
asio::awaitable<void> sleeps_without_throwing(siblings& all) {
  end_mark mark(all);
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await timer.async_wait(asio::as_tuple(asio::deferred));
}

asio::awaitable<void>
fails_in_asio(siblings& all, std::size_t count, stopwatch& watch) {
  while (all.parked.load(std::memory_order_relaxed) != count)
    co_await asio::post(asio::deferred);
  watch.start();
  throw failure();
}

template <asio::awaitable<void> (*Sibling)(siblings&)>
sample run_asio(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, load.tasks, [&](std::size_t tasks, stopwatch& watch) {
    siblings all;
    bool has_failed = false;
    std::size_t made = 0;
    const auto next = [&] {
      return made++ == tasks ? fails_in_asio(all, tasks, watch) : Sibling(all);
    };
    try {
      run_all<strand_group>(pool, tasks + 1, unlimited, next);
    } catch (const failure&) {
      watch.stop();
      has_failed = true;
    }
    require(has_failed, "the error that came out of the join");
    require(all.ended == tasks, "siblings that ended");
  });
}

} // namespace

perf_case first_error_case() {
  return {
      .name = "first_error",
      .question = "sleeping siblings of a task that throws: until all ended",
      .loads = {{.tasks = 10'000, .cap = unlimited, .threads = 2}},
      .contenders = {{"weir, raise", run_weir<on_cancel::raise>},
                     {"weir, unwind", run_weir<on_cancel::unwind>},
                     {.library = "asio co_spawn on strands",
                      .run = run_asio<sleeps_in_asio>,
                      .is_baseline = true},
                     {"asio co_spawn on strands, as_tuple",
                      run_asio<sleeps_without_throwing>}},
  };
}

} // namespace weir::perf
