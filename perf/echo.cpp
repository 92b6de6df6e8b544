// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: does an echo server answer faster when its coroutines are weir's?
// Clients and servers are the same templates for both, on the same threads.
// Tasks are the requests of 1 KiB; the cap is the number of connections.

#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"
#include "loopback.hpp"

#include <boost/asio/read.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <vector>

namespace weir::perf {

namespace {

using counter = std::atomic<std::size_t>;
using message = std::array<char, 1024>;

constexpr std::size_t warm_up = 1'000;
constexpr std::size_t most_connections = 5'000; // descriptors are few

template <typename Coroutine, typename Socket>
Coroutine ask(Socket& peer, std::size_t requests, counter& answered) {
  message data = {};
  message answer = {};
  std::size_t good = 0;
  for (std::size_t i = 0; i != requests; ++i) {
    std::memcpy(data.data() + data.size() - sizeof i, &i, sizeof i);
    co_await asio::async_write(peer, asio::buffer(data), asio::deferred);
    co_await asio::async_read(peer, asio::buffer(answer), asio::deferred);
    good += data == answer ? 1 : 0;
  }
  answered.fetch_add(good, std::memory_order_relaxed); // a number, no more
  peer.shutdown(tcp::socket::shutdown_both);
}

std::size_t connections_of(const workload& load, std::size_t tasks) {
  return std::min({load.cap, tasks, most_connections});
}

// How many of `tasks` the `i`-th of `parts` sends.
std::size_t share(std::size_t tasks, std::size_t i, std::size_t parts) {
  return tasks * (i + 1) / parts - tasks * i / parts;
}

sample with_rate(const workload& load, sample seen) {
  seen.figures = {
      {"requests_per_s", static_cast<double>(load.tasks) / seen.wall_s}};
  return seen;
}

sample run_weir_echo(const workload& load) {
  runtime rt(load.threads);
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    const std::size_t count = connections_of(load, tasks);
    auto all = connect(rt.get_executor(), count);
    counter answered = 0;
    watch.start();
    rt.run(with_task_group({}, [&](task_group& group) -> task<void> {
      for (std::size_t i = 0; i != count; ++i) {
        co_await group.spawn(serve<task<void>, message>(all[i].server));
        co_await group.spawn(
            ask<task<void>>(all[i].client, share(tasks, i, count), answered));
      }
    }));
    watch.stop();
    require(answered == tasks, "requests that were answered");
  };
  return with_rate(load, measure(load, warm_up, work));
}

template <typename Group>
sample run_asio_echo(const workload& load) {
  asio::thread_pool pool(load.threads);
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    const std::size_t count = connections_of(load, tasks);
    auto all = connect(pool.get_executor(), count);
    counter answered = 0;
    std::size_t made = 0;
    const auto next = [&] {
      const std::size_t i = made++;
      return i % 2 == 0
                 ? serve<asio::awaitable<void>, message>(all[i / 2].server)
                 : ask<asio::awaitable<void>>(
                       all[i / 2].client, share(tasks, i / 2, count), answered);
    };
    watch.start();
    run_all<Group>(pool, 2 * count, unlimited, next);
    watch.stop();
    require(answered == tasks, "requests that were answered");
  };
  return with_rate(load, measure(load, warm_up, work));
}

} // namespace

perf_case echo_case() {
  return {
      .name = "echo",
      .question = "requests of 1 KiB over loopback, 64 connections",
      .loads = {{.tasks = 200'000, .cap = 64, .threads = 2}},
      .contenders = with_callbacks<run_callbacks_echo>(
          {{"weir", run_weir_echo},
           {.library = "asio awaitable",
            .run = run_asio_echo<pool_group>,
            .is_baseline = true},
           {"asio awaitable on strands", run_asio_echo<strand_group>}}),
  };
}

} // namespace weir::perf
