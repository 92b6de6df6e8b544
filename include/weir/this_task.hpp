// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <boost/system/error_code.hpp>

/// About the task that calls.
namespace weir::this_task {

/// Why this task is cancelled; empty while it is not. For the log line and the
/// last words to a peer: "shutting down", "took too long".
///
/// - of a group that was cancelled: what cancel() was given, the first of
///   several; `timed_out` for its deadline and for shutdown(), also when it is
///   a group further out that was cancelled; `operation_aborted` for a failed
///   sibling and for a cancel() without a reason;
/// - inside with_timeout() that ran out: `timed_out`;
/// - otherwise `operation_aborted`: the slot of a co_spawn handler, the end of
///   the runtime.
///
/// It is set as soon as the cancellation is requested, before an await has
/// thrown. If several are cancelled, the outermost says why. What shield() or a
/// filter hides is not seen. It may be called anywhere in a task, in
/// destructors that a cancellation runs, too, and in an `asio::awaitable` that
/// a task awaits; elsewhere it is empty.
///
/// Thread safety: it asks about the task this thread runs.
/// Complexity: linear in the nested scopes; no allocation.
/// Source: Go's `context.Cause`.
WEIR_API [[nodiscard]] boost::system::error_code cancel_reason() noexcept;

} // namespace weir::this_task
