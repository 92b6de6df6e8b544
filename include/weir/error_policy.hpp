// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>
#include <cstdint>

namespace weir {

/// What the first failing child does to its siblings.
enum class on_error : std::uint8_t {
  /// They are cancelled; join() throws the first error.
  cancel_siblings,
  /// They run on; join() throws the first error when all have ended.
  keep_going,
};

/// An on_error value, or collect(n).
class error_policy final {
public:
  constexpr error_policy(on_error siblings) noexcept : siblings_(siblings) {}
  constexpr on_error siblings() const noexcept { return siblings_; }
  constexpr std::size_t collected() const noexcept { return collected_; }

private:
  friend constexpr error_policy collect(std::size_t) noexcept;
  on_error siblings_;
  std::size_t collected_ = 0;
};

/// Siblings run on; join() throws a group_error that holds the errors of the
/// first `max_errors` children that failed, ordered by spawn.
constexpr error_policy collect(std::size_t max_errors) noexcept {
  error_policy policy(on_error::keep_going);
  policy.collected_ = max_errors;
  return policy;
}

} // namespace weir
