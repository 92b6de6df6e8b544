// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace weir::testing {

/// Every task of a deterministic_runtime waits, and no timer will ever wake
/// one. what() gives seed, step and virtual time, and then a line for each
/// task and group: its name, what it waits for, and under it the groups it
/// made with their children:
///
///     weir::testing: deadlock: everything waits and no timer is due (seed 7,
///     step 12, after 30 s)
///       task main waits: group join
///         group fetchers: 1 in flight, at most 4
///           task #0 fetch waits: channel receive
class WEIR_API deadlock final : public std::runtime_error {
public:
  deadlock(std::uint64_t seed,
           std::uint64_t step,
           clock::duration elapsed,
           const std::string& tree);

  std::uint64_t seed() const noexcept { return seed_; }

private:
  std::uint64_t seed_;
};

} // namespace weir::testing
