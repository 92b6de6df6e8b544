// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/operation.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "watchdog.hpp"

#include <boost/asio/use_future.hpp>

#include <cstddef>
#include <utility>

namespace weir::test {

/// What most cases need: a runtime of `Threads` threads, watched.
template <std::size_t Threads>
struct pool_of {
  watchdog dog; // first, so that it sees the runtime's end too
  weir::runtime pool{Threads};

  /// Runs `work` to its end, from the case's thread.
  template <typename T>
  T run(task<T> work) {
    return pool.run(std::move(work));
  }

  /// Waits for one of weir's operations on the case's thread.
  template <typename Step>
  auto wait(operation<Step> op) {
    return std::move(op)(asio::use_future).get();
  }
};

using pool_fixture = pool_of<2>;

/// For caps: serial, as many as the pool has threads, more than that.
inline constexpr std::size_t caps[] = {1, 2, 5};

} // namespace weir::test
