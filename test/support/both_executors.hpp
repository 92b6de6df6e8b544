// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/executor.hpp>
#include <weir/task.hpp>

#include "pool_fixture.hpp"

#include <boost/asio/this_coro.hpp>

#include <array>

namespace weir::test {

/// A runtime's executor, and the executor of a task on that runtime.
struct both_executors : pool_fixture {
  // The executor of a task that has ended.
  executor of_a_task() {
    auto own = []() -> task<executor> {
      co_return co_await asio::this_coro::executor;
    };
    return run(own());
  }
  std::array<executor, 2> both_kinds() {
    return {pool.get_executor(), of_a_task()};
  }
};

} // namespace weir::test
