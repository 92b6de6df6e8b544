// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include "counting_malloc.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace weir::test {

/// Allocations of a run of `work`, which awaits, after a first one: the least
/// of up to four runs. Another thread of the process may allocate during one
/// (the thread in run(), say, when the machine is busy); what `work` itself
/// allocates is in every run.
template <typename Work>
task<std::uint64_t> in_steady_state(Work& work) {
  co_await work();
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (int round = 0; round != 4 && least != 0; ++round) {
    const std::uint64_t before = ::allocations;
    co_await work();
    least = std::min(least, ::allocations - before);
  }
  co_return least;
}

} // namespace weir::test
