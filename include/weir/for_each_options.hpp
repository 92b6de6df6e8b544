// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/error_policy.hpp>
#include <weir/task_group.hpp>
#include <weir/unlimited.hpp>

#include <cstddef>

namespace weir {

/// As many tasks in flight as the runtime has threads.
inline constexpr std::size_t per_thread = unlimited - 1;

/// How for_each() and transform() behave. Trivially destructible members only,
/// so that it may be written in braces inside a co_await expression (g++ 12).
struct for_each_options {
  /// At most this many calls run at once: `per_thread`, `unlimited`, or at
  /// least 1. A plain function never has more calls at once than there are
  /// threads.
  std::size_t max_in_flight = per_thread;
  /// Applies to the elements. An index in a group_error is an element's.
  error_policy errors = on_error::cancel_siblings;
  /// Applies to the calls.
  on_cancel cancellation = on_cancel::raise;
  /// Name in reports. Kept by address: use a string literal.
  const char* name = "for_each";
};

namespace detail {
// Throws `std::invalid_argument` for options that `who` refuses.
WEIR_API void require_options(const for_each_options& options, const char* who);
} // namespace detail

} // namespace weir
