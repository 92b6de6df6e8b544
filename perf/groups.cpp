// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does a service pay for a small group for each request? One
// task makes group after group; a task is a group with all of its children.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 10'000;

enum class child { empty, yields, sleeps };

template <child Kind>
task<> one_child(std::size_t& done) {
  if constexpr (Kind == child::yields)
    co_await checkpoint();
  if constexpr (Kind == child::sleeps)
    co_await sleep_for(std::chrono::milliseconds(1));
  done = 1;
}

template <std::size_t children>
using marks = std::array<std::size_t, children>;
template <std::size_t children>
std::size_t sum_of(const marks<children>& done) {
  std::size_t sum = 0;
  for (const std::size_t each : done)
    sum += each;
  return sum;
}

// --- the ways ---

template <child Kind, std::size_t children>
task<std::size_t> with_groups(std::size_t groups) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i != groups; ++i) {
    marks<children> done{};
    auto body = [&done](task_group& group) -> task<> {
      for (std::size_t& each : done)
        co_await group.spawn(one_child<Kind>(each));
    };
    co_await with_task_group({}, body);
    sum += sum_of(done);
  }
  co_return sum;
}

template <child Kind, std::size_t children>
task<std::size_t> with_when_all(std::size_t groups) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i != groups; ++i) {
    marks<children> done{};
    std::vector<task<>> works;
    works.reserve(children);
    for (std::size_t& each : done)
      works.push_back(one_child<Kind>(each));
    co_await when_all(std::move(works));
    sum += sum_of(done);
  }
  co_return sum;
}

template <std::size_t children, task<std::size_t> (*Way)(std::size_t)>
sample run_groups(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t groups, stopwatch&) {
    require(rt.run(Way(groups)) == groups * children, "children that ran");
  });
}

template <child Kind>
asio::awaitable<void> one_in_asio(std::size_t& done) {
  if constexpr (Kind == child::yields)
    co_await asio::post(asio::deferred);
  if constexpr (Kind == child::sleeps) {
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::deferred);
  }
  done = 1;
}

template <child Kind, std::size_t children>
asio::awaitable<std::size_t> in_asio(std::size_t groups) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i != groups; ++i) {
    marks<children> done{};
    pool_group group(co_await asio::this_coro::executor, unlimited);
    for (std::size_t& each : done)
      co_await group.spawn(one_in_asio<Kind>(each));
    co_await group.join();
    sum += sum_of(done);
  }
  co_return sum;
}

template <child Kind, std::size_t children>
sample run_asio_groups(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t groups, stopwatch&) {
    auto sum =
        asio::co_spawn(pool, in_asio<Kind, children>(groups), asio::use_future);
    require(sum.get() == groups * children, "children that ran");
  });
}

template <child Kind, std::size_t children>
perf_case groups_of(const char* name, const char* question, workload load) {
  return {.name = name,
          .question = question,
          .loads = {load},
          .contenders = {{"weir, when_all",
                          run_groups<children, with_when_all<Kind, children>>},
                         {"weir, with_task_group",
                          run_groups<children, with_groups<Kind, children>>},
                         {.library = "asio co_spawn",
                          .run = run_asio_groups<Kind, children>,
                          .is_baseline = true}}};
}

// --- nested ---

task<std::size_t> nested_in_groups(std::size_t levels) {
  if (levels == 0)
    co_return 0;
  std::size_t below = 0;
  auto body = [&](task_group& group) -> task<> {
    auto child = [](std::size_t left, std::size_t& result) -> task<> {
      result = co_await nested_in_groups(left);
    };
    co_await group.spawn(child(levels - 1, below));
  };
  co_await with_task_group({}, body);
  co_return below + 1;
}

constexpr std::size_t depth = 1'000;

sample run_nested(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t levels, stopwatch&) {
    for (std::size_t left = levels; left != 0;) {
      const std::size_t now = std::min(left, depth);
      require(rt.run(nested_in_groups(now)) == now, "levels");
      left -= now;
    }
  });
}

asio::awaitable<void> nested_in_asio(std::size_t levels, std::size_t& result) {
  result = 0;
  if (levels == 0)
    co_return;
  std::size_t below = 0;
  pool_group group(co_await asio::this_coro::executor, unlimited);
  co_await group.spawn(nested_in_asio(levels - 1, below));
  co_await group.join();
  result = below + 1;
}

sample run_asio_nested(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t levels, stopwatch&) {
    for (std::size_t left = levels; left != 0;) {
      const std::size_t now = std::min(left, depth);
      std::size_t result = 0;
      asio::co_spawn(pool, nested_in_asio(now, result), asio::use_future).get();
      require(result == now, "levels");
      left -= now;
    }
  });
}

} // namespace

perf_case groups_1_case() {
  return groups_of<child::empty, 1>(
      "groups_1", "groups of one empty child", {100'000, unlimited, 2});
}
perf_case groups_2_case() {
  return groups_of<child::empty, 2>(
      "groups_2", "groups of two empty children", {100'000, unlimited, 2});
}
perf_case groups_8_case() {
  perf_case groups = groups_of<child::empty, 8>(
      "groups_8", "groups of eight empty children", {100'000, unlimited, 2});
  groups.contenders.push_back(
      {"asio callbacks, one thread", run_callbacks_groups_8});
  return groups;
}
perf_case groups_32_case() {
  return groups_of<child::empty, 32>(
      "groups_32", "groups of 32 empty children", {30'000, unlimited, 2});
}
perf_case groups_yield_case() {
  return groups_of<child::yields, 8>("groups_yield",
                                     "groups of eight children that yield once",
                                     {100'000, unlimited, 2});
}
perf_case groups_sleep_case() {
  return groups_of<child::sleeps, 8>("groups_sleep",
                                     "groups of eight children that sleep 1 ms",
                                     {300, unlimited, 2});
}
perf_case nested_case() {
  return {.name = "nested",
          .question = "groups of one child, 1,000 inside each other; per level",
          .loads = {{100'000, unlimited, 2}, {100'000, unlimited, 1}},
          .contenders = {{"weir, with_task_group", run_nested},
                         {.library = "asio co_spawn",
                          .run = run_asio_nested,
                          .is_baseline = true}}};
}

} // namespace weir::perf
