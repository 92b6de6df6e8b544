// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what do tasks add to a computation of some size? Two matrices are
// multiplied by halves: four products of quarters at once, then the other four.
// Products of 32 rows are not divided; each takes a microsecond or two. Tasks
// are the rows of the matrices.

#include "peers/matmul.hpp"

#include <weir/runtime.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

namespace weir::perf {

namespace {

task<> with_when_all(block c, block a, block b) {
  if (c.rows == block::leaf) {
    multiply_leaf(c, a, b);
    co_return;
  }
  const auto part = [&](unsigned row, unsigned column, unsigned k) {
    return with_when_all(
        c.quarter(row, column), a.quarter(row, k), b.quarter(k, column));
  };
  for (unsigned k = 0; k != 2; ++k)
    co_await when_all(
        part(0, 0, k), part(0, 1, k), part(1, 0, k), part(1, 1, k));
}

task<> in_group(block c, block a, block b) {
  if (c.rows == block::leaf) {
    multiply_leaf(c, a, b);
    co_return;
  }
  for (unsigned k = 0; k != 2; ++k) {
    auto body = [&](task_group& group) -> task<> {
      for (unsigned i = 0; i != 4; ++i)
        co_await group.spawn(in_group(
            c.quarter(i / 2, i % 2), a.quarter(i / 2, k), b.quarter(k, i % 2)));
    };
    co_await with_task_group({}, body);
  }
}

template <task<> (*Multiply)(block, block, block)>
sample run_matmul(const workload& load) {
  runtime rt(load.threads);
  return measure_matmul(
      load, [&](product& p) { rt.run(Multiply(p.c(), p.a(), p.b())); });
}

asio::awaitable<void> on_pool(pool_executor ex, block c, block a, block b) {
  if (c.rows == block::leaf) {
    multiply_leaf(c, a, b);
    co_return;
  }
  for (unsigned k = 0; k != 2; ++k) {
    latch ended(ex, 4);
    for (unsigned i = 0; i != 4; ++i)
      asio::co_spawn(
          ex,
          on_pool(ex,
                  c.quarter(i / 2, i % 2),
                  a.quarter(i / 2, k),
                  b.quarter(k, i % 2)),
          [&ended](const std::exception_ptr&) { ended.count_down(); });
    co_await ended.opened->async_receive(asio::deferred);
  }
}

sample run_asio_matmul(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure_matmul(load, [&](product& p) {
    asio::co_spawn(pool,
                   on_pool(pool.get_executor(), p.c(), p.a(), p.b()),
                   asio::use_future)
        .get();
  });
}

} // namespace

perf_case matmul_case() {
  return {.name = "matmul",
          .question = "product of two matrices by halves, down to 32 rows",
          .loads = {{.tasks = 1'024, .cap = unlimited, .threads = 2}},
          .contenders = {{"weir, when_all", run_matmul<with_when_all>},
                         {"weir, task_group", run_matmul<in_group>},
                         {.library = "asio co_spawn",
                          .run = run_asio_matmul,
                          .is_baseline = true}}};
}

} // namespace weir::perf
