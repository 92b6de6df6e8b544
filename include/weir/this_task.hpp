// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <boost/system/error_code.hpp>

/// Functions about the task that calls them.
namespace weir::this_task {

/// Why this task is cancelled; empty while it is not. For the log line and a
/// last message to a peer: "shutting down", "took too long".
///
/// - in a group that was cancelled, also if an outer group was cancelled: what
///   cancel() was given, the first of several; `timed_out` for the group's
///   deadline and for shutdown(); `operation_aborted` for a failed sibling and
///   for a cancel() without a reason;
/// - inside with_timeout() that ran out: `timed_out`;
/// - otherwise `operation_aborted`: the slot of a co_spawn handler, the end of
///   the runtime.
///
/// It is set as soon as the cancellation is requested, before an await has
/// thrown. If several of these are cancelled, the outermost determines the
/// reason. A cancellation that shield() or a filter hides is not seen. The
/// function may be called anywhere in a task, also in destructors that a
/// cancellation runs, and in an `asio::awaitable` that a task awaits; elsewhere
/// it returns an empty code.
///
/// Thread safety: it returns the reason of the task that runs on the calling
///   thread.
/// Complexity: linear in the nested scopes; no allocation.
/// Source: Go's `context.Cause`.
WEIR_API [[nodiscard]] boost::system::error_code cancel_reason() noexcept;

} // namespace weir::this_task
