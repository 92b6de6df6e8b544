// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does a value cost on its way from one task to another, through
// a buffer, and when each waits for the other's answer?

#include <weir/channel.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"

#include <cstddef>
#include <future>
#include <optional>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 10'000;
constexpr std::size_t buffer = 64;

using number_channel = channel<std::size_t>;
using asio_channel = asio::experimental::concurrent_channel<void(
    boost::system::error_code, std::size_t)>;

std::size_t sum_to(std::size_t n) { return n * (n - 1) / 2; }

// --- flow ---

task<void> sends(number_channel& to, std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await to.send(i);
  to.close();
}

sample run_weir_flow(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    number_channel c(buffer);
    std::size_t sum = 0;
    rt.run(with_task_group({}, [&](task_group& group) -> task<void> {
      co_await group.spawn(sends(c, tasks));
      while (std::optional<std::size_t> n = co_await c.receive())
        sum += *n;
    }));
    require(sum == sum_to(tasks), "sum of what arrived");
  });
}

asio::awaitable<void> sends_in_asio(asio_channel& to, std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    if (!to.try_send(boost::system::error_code(), i))
      co_await to.async_send(boost::system::error_code(), i, asio::deferred);
}

asio::awaitable<std::size_t> receives_in_asio(asio_channel& from,
                                              std::size_t count) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i != count; ++i)
    if (!from.try_receive(
            [&](boost::system::error_code, std::size_t n) { sum += n; }))
      sum += co_await from.async_receive(asio::deferred);
  co_return sum;
}

sample run_asio_flow(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    asio_channel c(pool.get_executor(), buffer);
    auto sent = asio::co_spawn(pool, sends_in_asio(c, tasks), asio::use_future);
    auto sum =
        asio::co_spawn(pool, receives_in_asio(c, tasks), asio::use_future);
    sent.get();
    require(sum.get() == sum_to(tasks), "sum of what arrived");
  });
}

// --- ping ---

task<void> answers(number_channel& from, number_channel& to) {
  while (std::optional<std::size_t> n = co_await from.receive())
    co_await to.send(*n);
}

sample run_weir_ping(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    number_channel there(0);
    number_channel back(0);
    std::size_t sum = 0;
    rt.run(with_task_group({}, [&](task_group& group) -> task<void> {
      co_await group.spawn(answers(there, back));
      for (std::size_t i = 0; i != tasks; ++i) {
        co_await there.send(i);
        const std::optional<std::size_t> n = co_await back.receive();
        sum += *n;
      }
      there.close();
    }));
    require(sum == sum_to(tasks), "sum of the answers");
  });
}

asio::awaitable<void>
answers_in_asio(asio_channel& from, asio_channel& to, std::size_t count) {
  for (std::size_t i = 0; i != count; ++i) {
    const std::size_t n = co_await from.async_receive(asio::deferred);
    co_await to.async_send(boost::system::error_code(), n, asio::deferred);
  }
}

asio::awaitable<std::size_t>
asks_in_asio(asio_channel& to, asio_channel& from, std::size_t count) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i != count; ++i) {
    co_await to.async_send(boost::system::error_code(), i, asio::deferred);
    sum += co_await from.async_receive(asio::deferred);
  }
  co_return sum;
}

sample run_asio_ping(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    asio_channel there(pool.get_executor());
    asio_channel back(pool.get_executor());
    auto answered = asio::co_spawn(
        pool, answers_in_asio(there, back, tasks), asio::use_future);
    auto sum = asio::co_spawn(
        pool, asks_in_asio(there, back, tasks), asio::use_future);
    answered.get();
    require(sum.get() == sum_to(tasks), "sum of the answers");
  });
}

} // namespace

perf_case channel_flow_case() {
  return {
      .name = "channel_flow",
      .question =
          "values sent by one task and received by another, 64 buffered",
      .loads = {{2'000'000, unlimited, 1}, {2'000'000, unlimited, 2}},
      .contenders = {{"weir", run_weir_flow},
                     {.library = "asio concurrent_channel",
                      .run = run_asio_flow,
                      .is_baseline = true},
                     {"asio callbacks, one thread", run_callbacks_flow}},
  };
}

perf_case channel_ping_case() {
  return {
      .name = "channel_ping",
      .question = "round trips between two tasks, nothing buffered",
      .loads = {{500'000, unlimited, 1}, {500'000, unlimited, 2}},
      .contenders = {{"weir", run_weir_ping},
                     {.library = "asio concurrent_channel",
                      .run = run_asio_ping,
                      .is_baseline = true},
                     {"asio callbacks, one thread", run_callbacks_ping}},
  };
}

} // namespace weir::perf
