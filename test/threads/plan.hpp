// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task_group.hpp>

#include "cell.hpp"
#include "setting.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::test::threads {

/// When a thread outside of the runtime acts: `spins` after a number of
/// children have begun, or an amount of time has passed.
struct moment {
  std::size_t begun;
  std::chrono::microseconds at_latest;
  std::uint32_t spins;
};

/// All random choices of an iteration, except the pauses.
struct plan {
  plan(cell of, std::uint64_t seed, std::uint64_t iteration);

  /// How the runtime ends: when everything was joined, or with root tasks that
  /// are not joined.
  enum class ending { joins, stops, destroys };

  cell where;
  ending ends;
  on_cancel cancellation;
  // Each has a group in a group; 0: one group, used from this thread.
  std::size_t roots;
  std::size_t spawners; // threads
  std::size_t joiners;
  bool joins_first; // before the first spawn
  std::uint64_t pauses_seed;
  std::uint32_t pauses_one_in;
  std::chrono::microseconds deadline;
  std::vector<errand> errands;
  std::vector<moment> moments; // of cancellation, or of the stop
};

} // namespace weir::test::threads
