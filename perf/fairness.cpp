// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: do a connection and a clock get their turn beside computations
// that fork without end? As many tasks as the cap compute trees, half of them
// small ones, half of them large ones; a client sends 64 bytes to and fro over
// loopback, and a ticker wakes up each millisecond. Tasks are the ticks.

#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"
#include "fib.hpp"
#include "loopback.hpp"
#include "peers/trees.hpp"
#include "quantiles.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using message = std::array<char, 64>;

constexpr unsigned small_tree = 8;  // fib of it: 67 calls
constexpr unsigned large_tree = 20; // 21,891 calls

double us_since(steady_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(steady_clock::now() - begin)
      .count();
}

// What all tasks of a round share.
struct storm {
  explicit storm(std::size_t ticks) : ticks(ticks) {}

  // After this many milliseconds the storm, the echo and the ticker end,
  // whether they had a turn or not.
  void end_in_time() {
    std::this_thread::sleep_until(end);
    has_to_end.store(true, std::memory_order_relaxed); // a flag, no more
  }
  // Notes the tick that was due then. When the next one is: those that are past
  // by now are missed.
  steady_clock::time_point next_after(steady_clock::time_point due) {
    late_us.push_back(us_since(due));
    return begin +
           std::chrono::floor<std::chrono::milliseconds>(steady_clock::now() -
                                                         begin) +
           1ms;
  }
  bool is_over() const { return has_to_end.load(std::memory_order_relaxed); }

  std::vector<figure> figures(double wall_s) const {
    std::vector<figure> all = quantiles(echo_us, "echo_");
    for (const figure& each : quantiles(late_us, "late_"))
      all.push_back(each);
    all.push_back(
        {"missed_ticks", static_cast<double>(ticks - late_us.size())});
    all.push_back({"calls_per_s", static_cast<double>(calls.load()) / wall_s});
    return all;
  }

  const std::size_t ticks;
  const steady_clock::time_point begin = steady_clock::now();
  const steady_clock::time_point end = begin + ticks * 1ms;
  std::atomic<bool> has_to_end = false;
  std::atomic<std::size_t> calls = 0;
  std::vector<double> echo_us; // only the client's
  std::vector<double> late_us; // only the ticker's
};

// The trees that the `i`-th parent computes, one after the other.
unsigned tree_of(std::size_t i) { return i % 2 == 0 ? small_tree : large_tree; }

std::size_t parents(const workload& load) {
  return load.cap == unlimited ? 8 : load.cap;
}

template <typename Coroutine, typename Socket>
Coroutine ask(Socket& peer, storm& all) {
  message data = {};
  message answer = {};
  do {
    const std::size_t i = all.echo_us.size();
    std::memcpy(data.data(), &i, sizeof i);
    const auto begin = steady_clock::now();
    co_await asio::async_write(peer, asio::buffer(data), asio::deferred);
    co_await asio::async_read(peer, asio::buffer(answer), asio::deferred);
    all.echo_us.push_back(us_since(begin));
    require(data == answer, "answer");
  } while (!all.is_over());
  peer.shutdown(tcp::socket::shutdown_both);
}

// Runs `run(all)` on a thread of its own until the time is over and all ended.
template <typename Run>
sample measure_fairness(const workload& load, Run run) {
  std::vector<figure> figures;
  const auto work = [&](std::size_t ticks, stopwatch& watch) {
    storm all(ticks);
    watch.start();
    std::thread runner([&] { run(all); });
    all.end_in_time();
    runner.join();
    watch.stop();
    require(all.calls != 0, "trees that were computed");
    figures = all.figures(watch.seen().wall_s);
  };
  sample seen = measure(load, 0, work);
  seen.figures = figures;
  return seen;
}

// --- weir ---

task<void> forks(storm& all, unsigned n) {
  std::size_t calls = 0;
  for (; !all.is_over(); calls += fib_calls(n)) {
    const std::uint64_t result = co_await fib_with_when_all(n);
    require(result == fib_of(n), "fib");
  }
  all.calls.fetch_add(calls, std::memory_order_relaxed); // a number, no more
}

task<void> ticks(storm& all) {
  for (auto due = all.begin + 1ms; due <= all.end; due = all.next_after(due))
    co_await sleep_until(due);
}

sample run_weir_fairness(const workload& load) {
  runtime rt(load.threads);
  return measure_fairness(load, [&](storm& all) {
    auto pairs = connect(rt.get_executor(), 1);
    rt.run(with_task_group({}, [&](task_group& group) -> task<void> {
      co_await group.spawn(serve<task<void>, message>(pairs[0].server));
      co_await group.spawn(ask<task<void>>(pairs[0].client, all));
      co_await group.spawn(ticks(all));
      for (std::size_t i = 0; i != parents(load); ++i)
        co_await group.spawn(forks(all, tree_of(i)));
    }));
  });
}

// --- bare Asio ---

asio::awaitable<void> forks_in_asio(pool_executor ex, storm& all, unsigned n) {
  std::size_t calls = 0;
  for (; !all.is_over(); calls += fib_calls(n)) {
    std::uint64_t result = 0;
    co_await fib_in_asio(ex, n, result);
    require(result == fib_of(n), "fib");
  }
  all.calls.fetch_add(calls, std::memory_order_relaxed);
}

asio::awaitable<void> ticks_in_asio(storm& all) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (auto due = all.begin + 1ms; due <= all.end; due = all.next_after(due)) {
    timer.expires_at(due);
    co_await timer.async_wait(asio::deferred);
  }
}

sample run_asio_fairness(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure_fairness(load, [&](storm& all) {
    const pool_executor ex = pool.get_executor();
    auto pairs = connect(ex, 1);
    std::size_t made = 0;
    const auto next = [&]() -> asio::awaitable<void> {
      switch (made++) {
      case 0:
        return serve<asio::awaitable<void>, message>(pairs[0].server);
      case 1:
        return ask<asio::awaitable<void>>(pairs[0].client, all);
      case 2:
        return ticks_in_asio(all);
      default:
        return forks_in_asio(ex, all, tree_of(made - 4));
      }
    };
    run_all<pool_group>(pool, parents(load) + 3, unlimited, next);
  });
}

} // namespace

perf_case fairness_case() {
  return {
      .name = "fairness",
      .question = "a connection and a clock beside tasks that fork without end",
      .loads = {{.tasks = 2'000, .cap = 8, .threads = 2}},
      .contenders = {{"weir, when_all", run_weir_fairness},
                     {.library = "asio co_spawn",
                      .run = run_asio_fairness,
                      .is_baseline = true}},
      .floor_s =
          [](const workload& load) {
            return static_cast<double>(load.tasks) * 0.001;
          },
  };
}

} // namespace weir::perf
