// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does a tree of tasks cost? Each node has ten children and
// awaits them; each leaf gives its number, each parent their sum. Tasks are the
// leaves.

#include <weir/runtime.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"
#include "peers/skynet_range.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 10'000;

// --- one after the other ---

template <typename Coroutine>
Coroutine in_turn(range all) {
  if (all.count == 1)
    co_return all.first;
  std::size_t sum = 0;
  for (std::size_t i = 0; i != all.parts(); ++i)
    sum += co_await in_turn<Coroutine>(all.part(i));
  co_return sum;
}

// --- at once ---

// Trees of at most `grain` leaves are not divided, but summed by calls.
template <std::size_t grain>
task<std::size_t> with_when_all(range all) {
  if (all.count <= grain)
    co_return sum_in_turn(all);
  std::vector<task<std::size_t>> children;
  children.reserve(range::ways);
  for (std::size_t i = 0; i != all.parts(); ++i)
    children.push_back(with_when_all<grain>(all.part(i)));
  std::size_t sum = 0;
  const std::vector<std::size_t> sums = co_await when_all(std::move(children));
  for (std::size_t each : sums)
    sum += each;
  co_return sum;
}

task<void> in_group(range all, std::size_t& result) {
  if (all.count == 1) {
    result = all.first;
    co_return;
  }
  std::size_t sums[range::ways] = {};
  auto body = [&](task_group& group) -> task<void> {
    for (std::size_t i = 0; i != all.parts(); ++i)
      co_await group.spawn(in_group(all.part(i), sums[i]));
  };
  co_await with_task_group({}, body);
  result = 0;
  for (std::size_t each : sums)
    result += each;
}

task<std::size_t> with_groups(range all) {
  std::size_t sum = 0;
  co_await in_group(all, sum);
  co_return sum;
}

template <task<std::size_t> (*Tree)(range)>
sample run_weir_skynet(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    require(rt.run(Tree({0, tasks})) == sum_to(tasks), "sum of the leaves");
  });
}

// --- bare Asio ---

template <std::size_t grain>
asio::awaitable<void>
on_pool(pool_executor ex, range all, std::size_t& result) {
  if (all.count <= grain) {
    result = sum_in_turn(all);
    co_return;
  }
  std::size_t sums[range::ways] = {};
  latch ended(ex, all.parts());
  for (std::size_t i = 0; i != all.parts(); ++i)
    asio::co_spawn(ex,
                   on_pool<grain>(ex, all.part(i), sums[i]),
                   [&ended](const std::exception_ptr&) { ended.count_down(); });
  co_await ended.opened->async_receive(asio::deferred);
  result = 0;
  for (std::size_t each : sums)
    result += each;
}

template <std::size_t grain>
asio::awaitable<std::size_t> spawning(pool_executor ex, range all) {
  std::size_t sum = 0;
  co_await on_pool<grain>(ex, all, sum);
  co_return sum;
}

asio::awaitable<std::size_t> awaiting(pool_executor, range all) {
  co_return co_await in_turn<asio::awaitable<std::size_t>>(all);
}

template <asio::awaitable<std::size_t> (*Tree)(pool_executor, range)>
sample run_asio_skynet(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    auto sum = asio::co_spawn(
        pool, Tree(pool.get_executor(), {0, tasks}), asio::use_future);
    require(sum.get() == sum_to(tasks), "sum of the leaves");
  });
}

} // namespace

perf_case skynet_case() {
  return {
      .name = "skynet",
      .question = "a tree of tasks, ten children each: sum of its leaves",
      .loads = {{.tasks = 1'000'000, .cap = unlimited, .threads = 2}},
      .contenders = with_callbacks<run_callbacks_skynet>(
          {{"weir, when_all", run_weir_skynet<with_when_all<1>>},
           {"weir, task_group", run_weir_skynet<with_groups>},
           {"weir, when_all above 1,000 leaves",
            run_weir_skynet<with_when_all<1'000>>},
           {"weir, in turn", run_weir_skynet<in_turn<task<std::size_t>>>},
           {.library = "asio co_spawn",
            .run = run_asio_skynet<spawning<1>>,
            .is_baseline = true},
           {"asio co_spawn above 1,000 leaves",
            run_asio_skynet<spawning<1'000>>},
           {"asio co_await, in turn", run_asio_skynet<awaiting>}}),
  };
}

} // namespace weir::perf
