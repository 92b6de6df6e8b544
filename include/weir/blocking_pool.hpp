// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/sync/offload_step.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/operation.hpp>
#include <weir/unlimited.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

/// How a blocking_pool is set up. May be written in braces inside a co_await
/// expression.
struct blocking_pool_options {
  /// Functions that run at the same time; at least 1.
  std::size_t threads = 4;
  /// Calls that may wait for a free thread; 0 or more, or `unlimited`.
  std::size_t max_waiting = unlimited;
};

/// What a blocking_pool counted, taken at one instant.
struct blocking_pool_stats {
  std::size_t threads;   ///< of the pool
  std::size_t running;   ///< functions that run, including abandoned ones
  std::size_t waiting;   ///< calls that wait for a thread
  std::size_t abandoned; ///< running functions that no caller waits for
};

/// A few threads for functions that block: file systems, databases, name
/// resolution. A function that blocks in a task keeps one of the runtime's
/// threads from all other tasks; a function that blocks in the pool does not.
///
///     weir::blocking_pool disk({.threads = 4, .max_waiting = 100});
///     auto text = co_await weir::offload(disk, read_file, path);
///
/// The destructor blocks, as that of a `std::thread` pool does: it returns when
/// the functions that still run (abandoned ones) have returned. So create a
/// pool in main(), before the runtime, and not inside a task.
///
/// Precondition of the destructor: no caller waits for a function, and the
/// destructor does not run on one of the pool's own threads. If a caller waits,
/// it prints a message and calls `std::terminate`. When runtime::stop()
/// destroys the frame that owns the pool, no task waits any more; but the
/// destructor blocks there, too, and delays the end of the runtime.
///
/// Thread safety: every member from any thread.
class blocking_pool final {
public:
  /// Starts the threads.
  ///
  /// Throws: `std::invalid_argument` when `threads` is 0; `std::system_error`
  ///   when a thread cannot be started.
  WEIR_API explicit blocking_pool(blocking_pool_options options = {});
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;
  WEIR_API ~blocking_pool();

  /// Calls `f(args...)` on one of the pool's threads and gives what it returns.
  /// Calls start in the order in which they were submitted.
  ///
  /// `f` and `args` are decay-copied, moved into the call, and destroyed on the
  /// pool's thread before the caller continues; for a reference use `std::ref`.
  /// The value may be move-only, a reference, and not default-constructible.
  /// (For a type that is not default-constructible a completion handler gets an
  /// optional, for a reference a pointer.)
  ///
  /// Throws: `std::invalid_argument` when `f` is empty, `std::bad_alloc`. In
  ///   the operation: errc::overloaded when all threads are busy and
  ///   `max_waiting` calls already wait; what `f` throws.
  /// Cancellation: terminal, checked on entry and while waiting; ends the wait
  ///   at once with `operation_aborted`. A function that has not started is
  ///   destroyed without being called. A running function cannot be stopped: it
  ///   is abandoned, and keeps its thread, its arguments and its result until
  ///   it returns.
  /// Thread safety: any thread, including from a function that the pool runs.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; one allocation, at the call.
  template <typename F, typename... Args>
  requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
  auto run(F&& f, Args&&... args) {
    using call = detail::blocking_call<std::decay_t<F>, std::decay_t<Args>...>;
    static_assert(!detail::work<typename call::value_type>,
                  "weir::offload: the function returns something that must be "
                  "awaited: spawn it instead, a thread of the pool can only "
                  "call it");
    detail::check_call<F, Args...>();
    detail::require_callable(f, "weir::offload");
    return operation<detail::offload_step<call>>(
        std::in_place,
        *core_,
        detail::make_job<call>(std::forward<F>(f),
                               std::forward<Args>(args)...));
  }
  // For a readable compile error.
  template <typename F, typename... Args>
  detail::explained run(F&&, Args&&...) {
    return detail::explain_offload<F, Args...>();
  }

  /// Blocks the calling thread until no function runs or waits, and the
  /// completion handlers of calls made with a token were posted. A task that
  /// awaited a function may still be about to resume: join it before the pool
  /// is destroyed. The pool can be used again afterwards.
  ///
  /// Throws: errc::would_deadlock on one of the pool's own threads.
  WEIR_API void join();

  WEIR_API [[nodiscard]] blocking_pool_stats stats() const noexcept;

private:
  std::unique_ptr<detail::blocking_core, void (*)(detail::blocking_core*)>
      core_;
};

} // namespace weir
