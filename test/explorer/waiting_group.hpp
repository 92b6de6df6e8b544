// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "explorer/group_models.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace weir::test {

/// A group with a cap and three children that wait for a slot, or will wait.
class waiting_group {
protected:
  explicit waiting_group(std::size_t cap)
      : group_(engine_executor(), {.max_in_flight = cap}) {
    for (std::size_t i = 0; i != 3; ++i)
      spawns_[i] = std::make_unique<spawning>(core_of(group_), writes(ran_[i]));
  }

  /// Call after all threads, when `n` of the spawns were started in all: runs
  /// what is left. Returns "", or what is wrong.
  std::string broken(std::size_t n) {
    run_ready();
    joining join(core_of(group_));
    if (!join.start())
      return "forgotten";
    const task_group_stats stats = group_.stats();
    if (stats.peak > most_)
      return "above the cap";
    std::size_t ran = 0;
    for (const int each : ran_)
      ran += static_cast<std::size_t>(each);
    return ran != n || stats.in_flight != 0 ? "miscounted" : "";
  }
  /// s(tarted), or still q(ueued).
  char how(std::size_t i) const { return spawns_[i]->is_done() ? 's' : 'q'; }

  task_group group_;
  std::array<int, 3> ran_{};
  int first_ = 0;
  std::size_t most_ = 1; // in flight
  std::array<std::unique_ptr<spawning>, 3> spawns_;
};

} // namespace weir::test
