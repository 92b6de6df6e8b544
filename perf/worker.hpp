// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "cases.hpp"

namespace weir::perf {

enum class purpose {
  time,
  count_allocations, ///< the times of such a round mean nothing
};

/// Whether this build can count allocations.
bool can_count_allocations();

/// Runs one round in a process of its own, so that its peak memory is its own.
///
/// Throws: `std::runtime_error` that names the round when it failed, hung for
///   ten minutes, or did not print what it saw.
sample run_in_fresh_process(const perf_case& which,
                            const contender& who,
                            const workload& load,
                            purpose why);

/// The other side: runs the round here and prints what it saw to stdout.
void run_as_worker(const perf_case& which, const std::string& library);

} // namespace weir::perf
