// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/error_policy.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir {

class limiter;

/// No cap on the tasks in flight.
inline constexpr std::size_t unlimited =
    std::numeric_limits<std::size_t>::max();

/// What an await that ends by cancellation does to the awaiting task.
enum class on_cancel : std::uint8_t {
  /// It throws `operation_aborted`, as in Asio.
  raise,
  /// The task is not resumed: its frames are destroyed from the inside out.
  /// Destructors run, handlers do not, nothing can swallow it.
  unwind,
};

/// How a task_group behaves. Trivially destructible members only, so that it
/// may be written in braces inside a co_await expression (g++ 12).
struct task_group_options {
  /// At most this many children run at once; `unlimited`, or at least 1.
  std::size_t max_in_flight = unlimited;
  /// At most this many spawn() calls wait for a slot at once, the next throws
  /// errc::overloaded; 0: none waits. Children that lend their slot are not
  /// counted and never refused.
  std::size_t max_waiting = unlimited;
  /// A child starts only with a permit of this limiter, too, and gives it back
  /// when it ends. Many groups, and other tasks, may share it; so that caps of
  /// groups inside groups do not multiply: a child does not hold its permit
  /// while it awaits a join() of another group of this limiter, or lends it in
  /// spawn(), and gets one back before it goes on. It must outlive the group.
  /// Null: none.
  weir::limiter* limiter = nullptr;
  error_policy errors = on_error::cancel_siblings;
  /// Of the children; neither of the body nor of groups inside them.
  on_cancel cancellation = on_cancel::raise;
  /// For reports; kept by address, so a string literal.
  const char* name = "task_group";
};

} // namespace weir
