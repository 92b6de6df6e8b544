// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>
#include <weir/testing/deterministic_runtime.hpp>

#include "watchdog.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace weir::test {

using testing::deterministic_runtime;

/// For cases that make their own deterministic runtimes.
struct watched {
  watchdog dog;
};

/// The outcomes of `program(runtime)`, a string each, over the seeds 1 to n.
template <typename Program>
std::set<std::string> outcomes(std::uint64_t n, Program program) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= n; ++seed) {
    deterministic_runtime runtime({.seed = seed});
    seen.insert(program(runtime));
  }
  return seen;
}

} // namespace weir::test
