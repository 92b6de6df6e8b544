// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/task.hpp>

#include <thread>
#include <utility>

namespace weir::test {

/// Lets other tasks run until `condition()` holds. For conditions that cannot
/// be awaited in another way, such as the number of spawns that wait.
template <typename Condition>
task<> until(Condition condition) {
  while (!condition())
    co_await checkpoint();
}

/// The same on the case's thread.
template <typename Condition>
void block_until(Condition condition) {
  while (!condition())
    std::this_thread::yield();
}

} // namespace weir::test
