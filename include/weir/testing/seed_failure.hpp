// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace weir::testing {

/// A seed failed in explore_seeds(). what() gives the seed, how to run it
/// alone, and what() of the failure, which is nested in it
/// (`std::rethrow_if_nested`).
class WEIR_API seed_failure : public std::runtime_error {
public:
  seed_failure(std::uint64_t seed, const std::string& why);

  std::uint64_t seed() const noexcept { return seed_; }

private:
  std::uint64_t seed_;
};

} // namespace weir::testing
