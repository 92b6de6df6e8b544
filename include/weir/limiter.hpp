// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/sync/limiter_steps.hpp>
#include <weir/operation.hpp>
#include <weir/permit.hpp>

#include <cstddef>
#include <optional>

namespace weir {

namespace detail {
struct limiter_access;
}

/// What limiter::acquire() returns.
using acquire_operation = operation<detail::acquire_step>;

/// Hands out permits as long as the sum of their weights stays within its
/// capacity; a caller whose weight does not fit waits. For resources that many
/// tasks, of any group or runtime, share: open connections, memory, requests to
/// one host.
///
///     weir::permit held = co_await connections.acquire();
///
/// Without the variable the permit would be given back at once. Clang warns
/// about that; g++ 12 does not check the result of a `co_await`.
///
/// First come, first served, whatever the weight: a large request is not
/// overtaken by smaller ones behind it, so it cannot starve. A task that
/// acquires while it holds a permit of the same limiter may wait for itself;
/// acquire the whole weight at once.
///
/// Precondition of the destructor: no acquire() waits. Otherwise it prints a
/// message and calls `std::terminate`. When runtime::stop() destroys the frame
/// that owns the limiter, no task waits any more; operations that wait with a
/// token continue to wait for the permits in use. Permits may outlive the
/// limiter.
///
/// Thread safety: every member from any thread.
/// Source: Go's x/sync/semaphore, Trio's `CapacityLimiter`.
class limiter final {
public:
  /// Throws: `std::invalid_argument` when `capacity` is 0; `std::bad_alloc`.
  WEIR_API explicit limiter(std::size_t capacity);
  limiter(const limiter&) = delete;
  limiter& operator=(const limiter&) = delete;
  WEIR_API ~limiter();

  /// Waits until `weight` of the capacity is free and no earlier caller waits;
  /// completes with a permit for it, as `void(error_code, permit)` for a token.
  /// Destroying the permit gives it back.
  ///
  /// Throws: at the call, `std::invalid_argument` when `weight` is 0 or above
  ///   the capacity; from the await, `operation_aborted`, and
  ///   errc::over_capacity when set_capacity() went below `weight` in the
  ///   meantime.
  /// Cancellation: terminal, checked on entry, even when permits are free, and
  ///   while waiting; `operation_aborted`. A permit that was granted already
  ///   is delivered, or given back if its task is destroyed; it is never lost.
  /// Thread safety: any thread.
  /// Resumes on: the task's strand, or the handler's executor, by default the
  ///   system's.
  /// Complexity: constant; waiting allocates nothing in a task.
  WEIR_API acquire_operation acquire(std::size_t weight = 1);

  /// Acquires without waiting: empty if that much is not free, or another
  /// caller waits.
  ///
  /// Throws: `std::invalid_argument` as acquire().
  /// Complexity: constant; no allocation.
  WEIR_API [[nodiscard("the permit is given back when it is dropped")]] //
  std::optional<permit>
  try_acquire(std::size_t weight = 1);

  /// Changes the capacity. When it is raised, waiting callers that now fit are
  /// served. When it is lowered, no permit is taken back, and none is granted
  /// until there is room again. An acquire() that waits for more than the new
  /// capacity ends with errc::over_capacity, because it could wait for ever and
  /// hold back all others.
  ///
  /// Throws: `std::invalid_argument` when `capacity` is 0.
  /// Complexity: linear in the waiting callers, when lowered; else in the
  ///   callers that are served.
  WEIR_API void set_capacity(std::size_t capacity);

  WEIR_API [[nodiscard]] std::size_t capacity() const noexcept;
  /// Weight of the permits held; above the capacity only after it was lowered.
  WEIR_API [[nodiscard]] std::size_t in_use() const noexcept;
  /// Free capacity; 0 while more than the capacity is in use. Waiting callers
  /// have a claim on it.
  WEIR_API [[nodiscard]] std::size_t available() const noexcept;
  /// How many acquire() calls wait.
  WEIR_API [[nodiscard]] std::size_t waiting() const noexcept;

private:
  friend struct detail::limiter_access;

  detail::limiter_core* core_;
};

} // namespace weir
