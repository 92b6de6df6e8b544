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

/// Hands out permits until their weights add up to its capacity; then whoever
/// wants one waits. For what many tasks, of any group or runtime, share: open
/// connections, memory, requests to one host.
///
///     weir::permit held = co_await connections.acquire();
///
/// Without the name the permit would be given back at once. Clang warns of
/// that; g++ 12 does not look at the result of a `co_await`.
///
/// First come, first served, whatever the weight: one that waits for much is
/// not overtaken by those behind it that want little, so it cannot starve. A
/// task that acquires while it holds a permit of the same limiter may wait for
/// itself; ask for the whole weight at once.
///
/// Precondition of the destructor: nobody waits. Otherwise it prints a message
/// and calls `std::terminate`. No task waits any more when runtime::stop()
/// destroys the frame that it is in; what waits there with a token goes on
/// waiting for the permits in use. Permits may outlive it.
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

  /// Waits until `weight` of the capacity is free and nobody who came earlier
  /// waits; completes with a permit for it, as `void(error_code, permit)` for
  /// a token. Dropping the permit gives it back.
  ///
  /// Throws: at the call, `std::invalid_argument` when `weight` is 0 or above
  ///   the capacity; from the await, `operation_aborted`, and
  ///   errc::over_capacity when set_capacity() went below `weight` meanwhile.
  /// Cancellation: terminal, checked on entry, even when permits are free, and
  ///   while waiting; `operation_aborted`. A permit that was granted already
  ///   is delivered, or given back if its task is destroyed; it is never lost.
  /// Thread safety: any thread.
  /// Resumes on: the task's strand, or the handler's executor, by default the
  ///   system's.
  /// Complexity: constant; waiting allocates nothing in a task.
  WEIR_API acquire_operation acquire(std::size_t weight = 1);

  /// The same without waiting: empty if that much is not free, or somebody
  /// waits.
  ///
  /// Throws: `std::invalid_argument` as acquire().
  /// Complexity: constant; no allocation.
  WEIR_API [[nodiscard("the permit is given back when it is dropped")]] //
  std::optional<permit>
  try_acquire(std::size_t weight = 1);

  /// Changes the capacity. Raised, those that wait and fit now are served;
  /// lowered, nobody loses a permit and nobody gets one until there is room
  /// again. Who waits for more than the new capacity could wait for ever and
  /// hold back all others: its acquire() ends with errc::over_capacity.
  ///
  /// Throws: `std::invalid_argument` when `capacity` is 0.
  /// Complexity: linear in those that wait, when lowered; else in those that
  ///   are served.
  WEIR_API void set_capacity(std::size_t capacity);

  WEIR_API [[nodiscard]] std::size_t capacity() const noexcept;
  /// Weight of the permits held; above the capacity only after it was lowered.
  WEIR_API [[nodiscard]] std::size_t in_use() const noexcept;
  /// What is free; 0, never less, while too much is in use. Who waits has a
  /// claim on it.
  WEIR_API [[nodiscard]] std::size_t available() const noexcept;
  /// How many acquire() calls wait.
  WEIR_API [[nodiscard]] std::size_t waiting() const noexcept;

private:
  friend struct detail::limiter_access;

  detail::limiter_core* core_;
};

} // namespace weir
