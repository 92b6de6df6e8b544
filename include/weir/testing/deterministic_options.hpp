// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <chrono>
#include <cstdint>

namespace weir::testing {

/// How a deterministic_runtime is set up.
struct deterministic_options {
  /// Equal seeds give equal runs.
  std::uint64_t seed = 1;

  /// Steps that the runtime may take in its life, at least 1; one more is
  /// step_limit_exceeded. A step is a run of a task between two suspensions, a
  /// timer that fires, or a completion handler.
  std::uint64_t max_steps = 1'000'000;

  /// Real time to wait, when nothing is ready, for work of Asio or of a
  /// blocking_pool, before virtual time jumps to the next timer.
  std::chrono::milliseconds outside_grace{10};

  /// The same when no timer is pending, before it counts as a deadlock.
  std::chrono::milliseconds outside_limit{10'000};
};

} // namespace weir::testing
