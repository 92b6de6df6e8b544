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

/// When a thread that has nothing to do with the runtime acts: when so many
/// children have begun, or so much time has passed, and `spins` later.
struct moment {
  std::size_t begun;
  std::chrono::microseconds at_latest;
  std::uint32_t spins;
};

/// All that chance decides in an iteration, but for the pauses.
struct plan {
  plan(cell of, std::uint64_t seed, std::uint64_t iteration);

  /// How the runtime comes to its end: when everything was joined, or under
  /// root tasks that nobody joins.
  enum class ending { joins, stops, destroys };

  cell where;
  ending ends;
  on_cancel cancellation;
  std::size_t roots;    // each has a group in a group; 0: one group, from here
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
