// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include "deterministic_runtime.hpp"
#include "explore_options.hpp"

#include <concepts>
#include <cstdint>
#include <functional>

namespace weir {

namespace detail {

// `options`, or only the seed in the environment.
WEIR_API testing::explore_options
chosen_seeds(const testing::explore_options& options);
// In a catch handler: throws seed_failure, with the current exception nested in
// it.
WEIR_API [[noreturn]] void throw_seed_failure(std::uint64_t seed);

} // namespace detail

namespace testing {

/// Calls `body(runtime)` once for each seed, each time with a new
/// deterministic_runtime of that seed, and stops at the first that throws.
///
///     weir::testing::explore_seeds(1000, [](auto& runtime) {
///       runtime.run(transfer_between_two_accounts());
///     });
///
/// The environment variable WEIR_SEED, a number, replaces the seeds by that
/// one. The runtime is destroyed before the failure is reported, to stderr and
/// by the exception.
///
/// Throws: seed_failure, with what `body` threw nested in it, also if that is
///   not a `std::exception`; `std::invalid_argument` when `count` or
///   `max_steps` is 0 or WEIR_SEED is not a number.
template <std::invocable<deterministic_runtime&> Body>
void explore_seeds(const explore_options& options, Body&& body) {
  const explore_options chosen = weir::detail::chosen_seeds(options);
  for (std::uint64_t i = 0; i != chosen.count; ++i) {
    const std::uint64_t seed = chosen.first + i;
    try {
      deterministic_runtime runtime(
          {.seed = seed, .max_steps = chosen.max_steps});
      std::invoke(body, runtime);
    } catch (...) {
      weir::detail::throw_seed_failure(seed);
    }
  }
}

/// The same for the seeds 1 .. `count`.
template <std::invocable<deterministic_runtime&> Body>
void explore_seeds(std::uint64_t count, Body&& body) {
  explore_seeds(explore_options{.count = count}, body);
}

} // namespace testing
} // namespace weir
