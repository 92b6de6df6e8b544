// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does a timeout cost that does not strike, while 10,000 other
// timers are pending? One worker per thread; tasks are the operations they
// share. Each new timer is the earliest of all.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"
#include "sleepers.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using counter = std::atomic<std::size_t>;

constexpr std::size_t pending_timers = 10'000;
constexpr std::size_t warm_up = 10'000;

// How many of `tasks` the worker `index` of `workers` does.
std::size_t share(std::size_t tasks, std::size_t index, std::size_t workers) {
  return tasks / workers + (index < tasks % workers ? 1 : 0);
}

task<void> quick(std::size_t& own) {
  ++own;
  co_return;
}

// A count of its own, so that the workers do not meet at one.
task<void> works(std::size_t operations, counter& done) {
  std::size_t own = 0;
  for (std::size_t i = 0; i != operations; ++i)
    co_await with_timeout(1s, quick(own));
  done.fetch_add(own, std::memory_order_relaxed); // a number, nothing more
}

sample run_weir_timeout_churn(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch& watch) {
    counter parked = 0;
    counter done = 0;
    auto work = [&](task_group& workers) -> task<void> {
      for (std::size_t i = 0; i != load.threads; ++i)
        co_await workers.spawn(works(share(tasks, i, load.threads), done));
    };
    rt.run(with_task_group({}, [&](task_group& pending) -> task<void> {
      for (std::size_t i = 0; i != pending_timers; ++i)
        co_await pending.spawn(sleeps_on(parked));
      while (parked.load(std::memory_order_relaxed) != pending_timers)
        co_await checkpoint();
      watch.start();
      co_await with_task_group({}, work);
      watch.stop();
      pending.cancel();
    }));
    require(done == tasks, "operations that ended in time");
  });
}

asio::awaitable<void> quick_in_asio(std::size_t& own) {
  ++own;
  co_return;
}

// The least Asio can do: a timer is armed and cancelled, and the aborted wait
// awaited, as its handler refers to this frame.
asio::awaitable<void> works_by_hand(std::size_t operations, counter& done) {
  const auto ex = co_await asio::this_coro::executor;
  std::size_t own = 0;
  for (std::size_t i = 0; i != operations; ++i) {
    asio::steady_timer timer(ex, 1s);
    const auto arm_and_cancel = [&timer](auto handler) {
      timer.async_wait(std::move(handler));
      timer.cancel();
    };
    co_await quick_in_asio(own);
    co_await asio::async_initiate<const asio::as_tuple_t<asio::deferred_t>,
                                  void(boost::system::error_code)>(
        arm_and_cancel, asio::as_tuple(asio::deferred));
  }
  done.fetch_add(own, std::memory_order_relaxed);
}

// What people write: the work raced against a timer.
asio::awaitable<void> works_with_or(std::size_t operations, counter& done) {
  using namespace asio::experimental::awaitable_operators;
  const auto ex = co_await asio::this_coro::executor;
  std::size_t own = 0;
  for (std::size_t i = 0; i != operations; ++i) {
    asio::steady_timer timer(ex, 1s);
    const auto first =
        co_await (quick_in_asio(own) || timer.async_wait(asio::use_awaitable));
    require(first.index() == 0, "the work that beat the timeout");
  }
  done.fetch_add(own, std::memory_order_relaxed);
}

template <asio::awaitable<void> (*Work)(std::size_t, counter&)>
sample run_asio_timeout_churn(const workload& load) {
  asio::thread_pool pool(load.threads);
  std::vector<asio::steady_timer> pending;
  for (std::size_t i = 0; i != pending_timers; ++i)
    pending.emplace_back(pool, 60s).async_wait([](auto) {});
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    std::size_t worker = 0;
    const auto next = [&] {
      return Work(share(tasks, worker++, load.threads), done);
    };
    run_all<strand_group>(pool, load.threads, unlimited, next);
    require(done == tasks, "operations that ended in time");
  });
}

} // namespace

perf_case timeout_churn_case() {
  return {
      .name = "timeout_churn",
      .question = "work with a timeout of 1 s that does not strike",
      .loads = {{.tasks = 1'000'000, .cap = unlimited, .threads = 2}},
      .contenders = with_callbacks<run_callbacks_timeout_churn>(
          {{"weir", run_weir_timeout_churn},
           {.library = "asio timer by hand",
            .run = run_asio_timeout_churn<works_by_hand>,
            .is_baseline = true},
           {"asio operator||", run_asio_timeout_churn<works_with_or>},
           {"asio callbacks, a deadline to check",
            run_deadline_timeout_churn}}),
  };
}

} // namespace weir::perf
