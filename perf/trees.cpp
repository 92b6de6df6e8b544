// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does it cost to divide a computation down to its smallest
// part, with a task for each call and no cut-off? Tasks are the calls.

#include "peers/trees.hpp"

#include <weir/runtime.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>

#include "asio_callbacks.hpp"
#include "asio_groups.hpp"
#include "cases.hpp"
#include "fib.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 10'000;

// --- fib ---

task<> fib_in_group(unsigned n, std::uint64_t& result) {
  if (n < 2) {
    result = n;
    co_return;
  }
  std::uint64_t parts[2] = {};
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(fib_in_group(n - 1, parts[0]));
    co_await group.spawn(fib_in_group(n - 2, parts[1]));
  };
  co_await with_task_group({}, body);
  result = parts[0] + parts[1];
}
task<std::uint64_t> fib_with_groups(unsigned n) {
  std::uint64_t result = 0;
  co_await fib_in_group(n, result);
  co_return result;
}

template <task<std::uint64_t> (*Fib)(unsigned)>
sample run_fib(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    const unsigned n = fib_of_size(tasks);
    require(rt.run(Fib(n)) == fib_of(n), "fib");
  });
}

sample run_asio_fib(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    const unsigned n = fib_of_size(tasks);
    std::uint64_t result = 0;
    asio::co_spawn(
        pool, fib_in_asio(pool.get_executor(), n, result), asio::use_future)
        .get();
    require(result == fib_of(n), "fib");
  });
}

// --- nqueens ---

task<std::size_t> queens_with_when_all(board b) {
  if (b.is_full())
    co_return 1;
  std::vector<task<std::size_t>> next;
  for (unsigned c = 0; c != b.rows(); ++c)
    if (b.is_free(c))
      next.push_back(queens_with_when_all(b.with(c)));
  std::size_t all = 0;
  const std::vector<std::size_t> each = co_await when_all(std::move(next));
  for (const std::size_t solutions : each)
    all += solutions;
  co_return all;
}

task<> queens_in_group(board b, std::size_t& result) {
  if (b.is_full()) {
    result = 1;
    co_return;
  }
  std::size_t each[board::most] = {};
  auto body = [&](task_group& group) -> task<> {
    for (unsigned c = 0; c != b.rows(); ++c)
      if (b.is_free(c))
        co_await group.spawn(queens_in_group(b.with(c), each[c]));
  };
  co_await with_task_group({}, body);
  result = 0;
  for (const std::size_t solutions : each)
    result += solutions;
}
task<std::size_t> queens_with_groups(board b) {
  std::size_t result = 0;
  co_await queens_in_group(b, result);
  co_return result;
}

asio::awaitable<void>
queens_in_asio(pool_executor ex, board b, std::size_t& result) {
  if (b.is_full()) {
    result = 1;
    co_return;
  }
  std::size_t each[board::most] = {};
  std::size_t children = 0;
  for (unsigned c = 0; c != b.rows(); ++c)
    children += b.is_free(c) ? 1 : 0;
  latch ended(ex, children);
  for (unsigned c = 0; c != b.rows(); ++c)
    if (b.is_free(c))
      asio::co_spawn(
          ex,
          queens_in_asio(ex, b.with(c), each[c]),
          [&ended](const std::exception_ptr&) { ended.count_down(); });
  if (children != 0)
    co_await ended.opened->async_receive(asio::deferred);
  result = 0;
  for (const std::size_t solutions : each)
    result += solutions;
}

template <task<std::size_t> (*Queens)(board)>
sample run_nqueens(const workload& load) {
  runtime rt(load.threads);
  // Not inside of the interval.
  const board all = board::of_size(load.tasks);
  const std::size_t solutions = board::solutions(all);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch& watch) {
    const board b = tasks == load.tasks ? all : board::of_size(tasks);
    watch.start();
    const std::size_t found = rt.run(Queens(b));
    watch.stop();
    require(tasks != load.tasks || found == solutions, "solutions");
  });
}

sample run_asio_nqueens(const workload& load) {
  asio::thread_pool pool(load.threads);
  const board all = board::of_size(load.tasks);
  const std::size_t solutions = board::solutions(all);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch& watch) {
    const board b = tasks == load.tasks ? all : board::of_size(tasks);
    std::size_t found = 0;
    watch.start();
    asio::co_spawn(
        pool, queens_in_asio(pool.get_executor(), b, found), asio::use_future)
        .get();
    watch.stop();
    require(tasks != load.tasks || found == solutions, "solutions");
  });
}

} // namespace

perf_case fib_case() {
  return {.name = "fib",
          .question = "fib(27) by recursion, a task for each call",
          .loads = {{.tasks = fib_calls(27), .cap = unlimited, .threads = 2}},
          .contenders = with_callbacks<run_callbacks_fib>(
              {{"weir, when_all", run_fib<fib_with_when_all>},
               {"weir, task_group", run_fib<fib_with_groups>},
               {.library = "asio co_spawn",
                .run = run_asio_fib,
                .is_baseline = true}})};
}

perf_case nqueens_case() {
  return {.name = "nqueens",
          .question = "12 queens on a board, a task for each partial solution",
          .loads = {{.tasks = 856'189, .cap = unlimited, .threads = 2}},
          .contenders = {{"weir, when_all", run_nqueens<queens_with_when_all>},
                         {"weir, task_group", run_nqueens<queens_with_groups>},
                         {.library = "asio co_spawn",
                          .run = run_asio_nqueens,
                          .is_baseline = true}}};
}

} // namespace weir::perf
