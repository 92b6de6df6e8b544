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
  /// Functions that run at once; at least 1.
  std::size_t threads = 4;
  /// Calls that may wait for a free thread; 0 or more, or `unlimited`.
  std::size_t max_waiting = unlimited;
};

/// What a blocking_pool counted, taken at one instant.
struct blocking_pool_stats {
  std::size_t threads;   ///< of the pool
  std::size_t running;   ///< functions that run, abandoned ones among them
  std::size_t waiting;   ///< calls that wait for a thread
  std::size_t abandoned; ///< functions that run and nobody waits for
};

/// A few threads for functions that block: file systems, databases, name
/// resolution. A function that blocks in a task keeps one of the runtime's
/// threads from all other tasks; here it does not.
///
///     weir::blocking_pool disk({.threads = 4, .max_waiting = 100});
///     auto text = co_await weir::offload(disk, read_file, path);
///
/// The destructor blocks, as that of a `std::thread` pool does: it returns
/// when the functions that are still running, abandoned ones, have returned.
/// So a pool belongs in main(), before the runtime, and not into a task.
///
/// Precondition of the destructor: nobody waits for a function, and it runs on
/// none of the pool's own threads. If somebody waits it prints a message and
/// calls `std::terminate`. No task waits any more when runtime::stop() destroys
/// the frame that the pool is in; but its destructor blocks there, too, and
/// holds up the end of the runtime.
///
/// Thread safety: every member from any thread.
class blocking_pool final {
public:
  /// Starts the threads.
  ///
  /// Throws: `std::invalid_argument` when `threads` is 0; `std::system_error`
  ///   when a thread can not be started.
  WEIR_API explicit blocking_pool(blocking_pool_options options = {});
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;
  WEIR_API ~blocking_pool();

  /// Calls `f(args...)` on one of the pool's threads and gives what it
  /// returns. Calls begin in the order in which they came.
  ///
  /// `f` and `args` are decay-copied, moved into the call, and destroyed on
  /// the pool's thread before the caller goes on; for a reference use
  /// `std::ref`. The value may be move-only, a reference, and not
  /// default-constructible (a completion handler then gets an optional, for a
  /// reference a pointer).
  ///
  /// Throws: `std::invalid_argument` when `f` is empty, `std::bad_alloc`. In
  ///   the operation: errc::overloaded when all threads are taken and
  ///   `max_waiting` calls wait already; what `f` throws.
  /// Cancellation: terminal, checked on entry and while waiting; ends the wait
  ///   at once with `operation_aborted`. A function that has not begun is
  ///   destroyed uncalled. One that runs can not be stopped: it is abandoned,
  ///   and keeps its thread, its arguments and its result until it returns.
  /// Thread safety: any thread, from within a function too.
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
    static_assert(
        detail::safe_in_co_await<F>,
        "g++ 12 destroys this callable twice inside a co_await expression. "
        "Pass what it captures as arguments, or name the callable and pass it "
        "as an lvalue");
    static_assert(
        (detail::safe_argument_in_co_await<Args> && ...),
        "g++ 12 destroys an aggregate temporary twice inside a co_await "
        "expression. Give the type a constructor, or name the argument and "
        "pass it as an lvalue");
    detail::require_callable(f, "weir::offload");
    return operation<detail::offload_step<call>>(
        std::in_place,
        *core_,
        detail::make_job<call>(std::forward<F>(f),
                               std::forward<Args>(args)...));
  }
  // For the message.
  template <typename F, typename... Args>
  detail::explained run(F&&, Args&&...) {
    return detail::explain_offload<F, Args...>();
  }

  /// Blocks the calling thread until no function runs or waits, and whoever
  /// waits for one with a completion token was told. A task goes on in its own
  /// time: join it before the pool is destroyed. The pool may be used on.
  ///
  /// Throws: errc::would_deadlock on one of the pool's own threads.
  WEIR_API void join();

  WEIR_API [[nodiscard]] blocking_pool_stats stats() const noexcept;

private:
  std::unique_ptr<detail::blocking_core, void (*)(detail::blocking_core*)>
      core_;
};

} // namespace weir
