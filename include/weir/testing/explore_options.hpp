// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include "deterministic_options.hpp"

#include <cstdint>

namespace weir::testing {

/// Which seeds explore_seeds() runs.
struct explore_options {
  std::uint64_t first = 1; ///< the first seed
  std::uint64_t count = 100;
  /// Steps that the runtime of each seed may take.
  std::uint64_t max_steps = deterministic_options().max_steps;
};

} // namespace weir::testing
