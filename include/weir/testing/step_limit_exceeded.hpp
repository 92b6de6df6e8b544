// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>

#include <cstdint>
#include <stdexcept>

namespace weir::testing {

/// A deterministic_runtime took all the steps it was allowed. Possible reasons:
/// a program that never ends, one that polls while time stands still, with
/// checkpoint() or with awaits that are all ready, or a limit that is too low.
/// what() gives the limit, the seed and the virtual time that has passed.
class WEIR_API step_limit_exceeded final : public std::runtime_error {
public:
  step_limit_exceeded(std::uint64_t limit,
                      std::uint64_t seed,
                      clock::duration elapsed);

  std::uint64_t limit() const noexcept { return limit_; }
  std::uint64_t seed() const noexcept { return seed_; }

private:
  std::uint64_t limit_;
  std::uint64_t seed_;
};

} // namespace weir::testing
