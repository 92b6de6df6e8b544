// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "cases.hpp"

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <vector>

namespace weir::perf {

/// What one library did with one load.
struct result {
  const contender* who;
  workload load; ///< as it ran: without a cap where the library has none
  summary seen;
  std::size_t rounds;
  std::optional<double> allocations_per_task;

  double ns_per_task() const {
    return seen.wall_s * 1e9 / static_cast<double>(load.tasks);
  }
};

/// One table: the libraries of `which` on one load, while others used
/// `foreign_share` of the machine.
void print_table(std::ostream& out,
                 const perf_case& which,
                 const workload& load,
                 const std::vector<result>& results,
                 double foreign_share);

/// One JSON object on a line; a cap or allocations of which there are none
/// are null.
void print_json(std::ostream& out, const perf_case& which, const result& row);

/// A case and who takes part in it, as one JSON object on a line.
void print_case_json(std::ostream& out, const perf_case& which);

} // namespace weir::perf
