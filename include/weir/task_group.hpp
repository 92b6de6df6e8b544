// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// Longer than other headers: it documents the contract of each member.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/group/group_wait_step.hpp>
#include <weir/detail/group/spawn_call.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/error.hpp>
#include <weir/error_policy.hpp>
#include <weir/executor.hpp>
#include <weir/operation.hpp>
#include <weir/shutdown_options.hpp>
#include <weir/spawn_status.hpp>
#include <weir/task.hpp>
#include <weir/task_failure.hpp>
#include <weir/unlimited.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir {

class limiter;

/// What an await that ends by cancellation does to the awaiting task.
enum class on_cancel : std::uint8_t {
  /// It throws `operation_aborted`, as in Asio.
  raise,
  /// The task is not resumed: its frames are destroyed from the inside out.
  /// Destructors run, catch handlers do not; no code can swallow the
  /// cancellation.
  unwind,
};

/// How a task_group behaves. Trivially destructible members only, so that it
/// may be written in braces inside a co_await expression (g++ 12).
struct task_group_options {
  /// At most this many children run at once; `unlimited`, or at least 1.
  std::size_t max_in_flight = unlimited;
  /// At most this many spawn() calls wait for a slot at once, the next throws
  /// errc::overloaded; 0: no call waits. Children that lend their slot are not
  /// counted and never refused.
  std::size_t max_waiting = unlimited;
  /// A child also needs a permit of this limiter to start, and gives it back
  /// when it ends. Many groups, and other tasks, may share the limiter. So that
  /// caps of groups inside groups do not multiply, a child does not hold its
  /// permit while it awaits a join() of another group of this limiter, or while
  /// it lends the permit in spawn(); it gets one back before it continues. The
  /// limiter must outlive the group. Null: no limiter.
  weir::limiter* limiter = nullptr;
  error_policy errors = on_error::cancel_siblings;
  /// Applies to the children, not to the body and not to groups inside them.
  on_cancel cancellation = on_cancel::raise;
  /// Name in reports. Kept by address: use a string literal.
  const char* name = "task_group";
};

/// How task_group::spawn() starts one child.
struct spawn_options {
  /// How much of the group's limiter the child holds while it runs: at least 1,
  /// at most the limiter's capacity and 2^32 - 1. It has no effect in a group
  /// without a limiter. A child takes one slot in any case.
  std::size_t weight = 1;
};

/// What a task_group counted, taken at one instant.
struct task_group_stats {
  std::size_t in_flight;   ///< children that hold a slot; above the cap only
                           ///< after it was lowered, the group was cancelled
                           ///< or a child gave up waiting for one it had lent
  std::size_t available;   ///< free slots, 0 if the cap is exceeded;
                           ///< `unlimited` without a cap
  std::size_t waiting;     ///< spawn() calls that wait for a slot
  std::size_t peak;        ///< highest `in_flight`
  std::uint64_t spawned;   ///< children handed to the runtime
  std::uint64_t completed; ///< children that returned
  std::uint64_t failed;    ///< children that threw
  std::uint64_t cancelled; ///< children that ended because of a cancellation
  std::uint64_t
      rejected; ///< spawns refused: full, overloaded, cancelled or closed
};

/// What task_group::spawn() returns.
using spawn_operation = operation<detail::spawn_step>;
/// What task_group::join() and shutdown() return.
using join_operation = operation<detail::join_step>;
/// What task_group::wait_idle() and wait_stopping() return.
using group_wait_operation = operation<detail::group_wait_step>;

/// A group of children that run on one runtime and end together.
///
/// At most `max_in_flight` of them run at once; the first that throws cancels
/// the others; join() waits for all and rethrows that error. No child outlives
/// the group. Prefer with_task_group(), which cannot forget to join.
///
/// Precondition of the destructor: every child has ended, i.e. join() has
/// completed since the last spawn. Otherwise it prints a message and calls
/// `std::terminate`; it does not wait for them. Exception: at the end of the
/// runtime the frames of the children are destroyed before that of the task
/// that made the group, and the destructor waits until they are.
///
/// Thread safety: every member from any thread, including from children,
///   while the group is alive.
class task_group final {
public:
  /// A group on the runtime of `ex`.
  ///
  /// Throws: `std::invalid_argument` when `max_in_flight` is 0.
  WEIR_API explicit task_group(const executor& ex,
                               task_group_options options = {});
  WEIR_API explicit task_group(runtime& on, task_group_options options = {});
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  WEIR_API ~task_group();

  /// Starts `child`, waiting for a free slot first.
  ///
  /// Completes when the child is handed to the runtime, not when it ends; the
  /// child never runs inside this call. Callers get slots in the order in which
  /// they asked. If a child of this group finds no free slot, it lends its own
  /// slot to the task it spawns and gets the next slot that becomes free, so
  /// spawning from children makes progress at any cap. The child's result is
  /// discarded.
  ///
  /// Throws: at the call, `std::invalid_argument` for an empty task and
  ///   `std::bad_alloc`; from the await, `operation_aborted` when the group is
  ///   cancelled or a child has failed, errc::group_closed after close() or
  ///   join(), errc::overloaded when it would have to wait and `max_waiting`
  ///   calls already wait. `child` is then destroyed unstarted.
  /// Cancellation: terminal, checked on entry and while waiting; `child` is
  ///   then destroyed unstarted and `operation_aborted` thrown.
  /// Thread safety: any thread, including from a child of this group.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; one control block beyond the child's frame, both
  ///   from a per-thread cache. Waiting allocates nothing.
  /// Source: errgroup's `Go`; differences in docs/coming-from-go.md.
  template <typename T>
  spawn_operation spawn(task<T> child) {
    detail::require_task(child, "weir::task_group::spawn");
    return spawn_operation(std::in_place, *core_, std::move(child));
  }

  /// The same with spawn_options: `spawn(fetch(url), {.weight = 3})`.
  ///
  /// Throws: at the call, `std::invalid_argument` also for a weight that the
  ///   limiter can never grant; from the await, errc::over_capacity when the
  ///   limiter's capacity was lowered below it meanwhile.
  template <typename T>
  spawn_operation spawn(task<T> child, spawn_options options) {
    detail::require_task(child, "weir::task_group::spawn");
    return spawn_operation(std::in_place,
                           *core_,
                           std::move(child),
                           detail::require_weight(*core_,
                                                  options.weight,
                                                  "weir::task_group::spawn"));
  }

  /// Starts an `asio::awaitable` or an Asio operation (for example made with
  /// `asio::deferred`) as a child, which runs on the child's own strand.
  template <detail::foreign_work Work>
  spawn_operation spawn(Work&& work) {
    return spawn(detail::await_work(std::forward<Work>(work)));
  }

  /// Calls `f(args...)` in the child and awaits what it returns. `f` and
  /// `args` are decay-copied and destroyed before the child counts as ended.
  ///
  /// On g++ 12 a callable that is not trivially destructible must be passed as
  /// an lvalue, and so must an aggregate argument: that compiler destroys such
  /// temporaries twice inside a co_await expression. Pass what the lambda
  /// would capture as arguments: `spawn(handle, std::move(socket))`.
  ///
  /// Throws: as above; `std::invalid_argument` when `f` is empty. What `f`
  ///   itself throws is the child's error.
  template <typename... Args, detail::work_factory<Args...> F>
  spawn_operation spawn(F&& f, Args&&... args) {
    detail::check_call<F, Args...>();
    detail::require_callable(f, "weir::task_group::spawn");
    return spawn(detail::call_work<std::decay_t<F>, std::decay_t<Args>...>(
        std::forward<F>(f), std::forward<Args>(args)...));
  }
  // For a readable compile error.
  template <typename... Args>
  spawn_operation spawn(Args&&...) {
    detail::explain_work<Args...>();
    return spawn(task<>());
  }
  template <typename F>
  requires(!detail::work_factory<F, spawn_options>) spawn_operation
      spawn(F&&, spawn_options) {
    detail::explain_options<F>();
    return spawn(task<>());
  }

  /// Starts a child if a slot is free and no spawn() waits for one. Never
  /// waits. Unless the result is `started`, `child` is unchanged.
  ///
  /// Throws: `std::invalid_argument` for an empty task, `std::bad_alloc`.
  /// Thread safety: any thread. Complexity: as spawn().
  template <typename T>
  [[nodiscard("a refused child did not start")]] spawn_status
  try_spawn(task<T>&& child) {
    detail::require_task(child, "weir::task_group::try_spawn");
    return detail::try_launch(*core_, [&] { return std::move(child); });
  }
  template <typename T>
  [[nodiscard("a refused child did not start")]] spawn_status
  try_spawn(task<T>&& child, spawn_options options) {
    detail::require_task(child, "weir::task_group::try_spawn");
    detail::require_weight(
        *core_, options.weight, "weir::task_group::try_spawn");
    return detail::try_launch(
        *core_, [&] { return std::move(child); }, options.weight);
  }
  template <detail::foreign_work Work>
  [[nodiscard("a refused child did not start")]] spawn_status
  try_spawn(Work&& work) {
    return detail::try_launch(
        *core_, [&] { return detail::await_work(std::forward<Work>(work)); });
  }
  /// Unless the result is `started`, the callable and its arguments are
  /// unchanged.
  template <typename... Args, detail::work_factory<Args...> F>
  [[nodiscard("a refused child did not start")]] spawn_status
  try_spawn(F&& f, Args&&... args) {
    detail::require_callable(f, "weir::task_group::try_spawn");
    return detail::try_launch(*core_, [&] {
      return detail::call_work<std::decay_t<F>, std::decay_t<Args>...>(
          std::forward<F>(f), std::forward<Args>(args)...);
    });
  }
  // For a readable compile error.
  template <typename... Args>
  spawn_status try_spawn(Args&&...) {
    detail::explain_work<Args...>();
    return {};
  }
  template <typename F>
  requires(!detail::work_factory<F, spawn_options>) spawn_status
      try_spawn(F&&, spawn_options) {
    detail::explain_options<F>();
    return {};
  }

  /// Waits until every child has ended, and closes the group then.
  ///
  /// Until then children and others may spawn more. join() may be called
  /// several times, also concurrently; all calls get the same outcome. With no
  /// children it completes at once.
  ///
  /// Throws, in this order: the first child's error, unchanged (a group_error
  ///   under collect()); `asio::error::timed_out` when cancel_after() cancelled
  ///   the group; `operation_aborted` when a joiner was cancelled from
  ///   outside, also in a cancelled task when there is nothing to wait for.
  ///   After a plain cancel() it completes normally. errc::would_deadlock, at
  ///   once, from a child of this group.
  /// Cancellation: terminal; cancels the group and still waits for every
  ///   child, so that none is left behind. A cancelled asio::awaitable throws
  ///   before it begins to join: there use with_task_group().
  /// Thread safety: any thread, but not from a child of this group.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; no allocation in a task.
  WEIR_API join_operation join() noexcept;

  /// Waits until no child is in flight, and leaves the group open. New children
  /// may be spawned before the caller continues.
  ///
  /// Throws: `operation_aborted`; errc::would_deadlock, at once, from a child
  ///   of this group. Never a child's error.
  /// Cancellation: terminal; cancels the wait, not the group.
  /// Thread safety: any thread, but not from a child of this group.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; no allocation in a task.
  WEIR_API group_wait_operation wait_idle() noexcept;

  /// Calls close(), then waits as join() does, but not for ever: after
  /// `grace.drain` it asks the children to stop as request_stop() does; after
  /// `grace.soft` more it cancels the group as cancel_after() does, and still
  /// waits.
  ///
  ///     co_await group.shutdown({.drain = 5s, .soft = 2s});
  ///
  /// May be called again, also while an earlier call still waits: the times of
  /// the later call count, but a step that was taken is not undone. After it,
  /// and after join(), it completes at once.
  ///
  /// Throws: as join(): nothing when children ended in time, the first child's
  ///   error, `asio::error::timed_out` when they had to be cancelled.
  /// Cancellation, thread safety, resumes on, complexity: as join().
  /// Source: tokio's TaskTracker, Trio's discussion of soft cancellation.
  WEIR_API join_operation shutdown(shutdown_options grace) noexcept;

  /// Asks the children to end by themselves: from now on is_stopping() is true,
  /// and wait_stopping() completes. Neither cancels nor closes the group.
  ///
  /// Thread safety: any thread. Complexity: linear in the waiting calls.
  WEIR_API void request_stop() noexcept;
  /// True after request_stop(), also after that of shutdown(), and once the
  /// group is cancelled.
  WEIR_API [[nodiscard]] bool is_stopping() const noexcept;
  /// Completes when is_stopping() becomes true or the group was joined; for
  /// example for a race between the next request and the end. When a group that
  /// was not joined is destroyed, no caller may wait here.
  ///
  /// Cancellation: terminal; `operation_aborted`.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; no allocation in a task.
  WEIR_API group_wait_operation wait_stopping() noexcept;

  /// Resets a joined group to the state in which it was made: open, not
  /// cancelled, no deadline, no errors, all counts zero. Caps and hook stay.
  ///
  /// Precondition: every caller that awaited a join() or shutdown() has its
  ///   outcome.
  /// Throws: `std::logic_error` when no join() has completed.
  /// Thread safety: any thread; a cancel() at the same time may have an effect
  ///   or not.
  WEIR_API void reopen();

  /// Cancels every child and every waiting spawn(). The first reason counts;
  /// legal before the first spawn and after join().
  ///
  /// When it returns, the next await of every child sees the cancellation, even
  /// if another caller cancelled first. Cancellation signals may be emitted on
  /// the calling thread; coroutines do not run on it.
  /// Thread safety: any thread. Complexity: linear in the children that
  ///   have awaited something; no allocation.
  WEIR_API void cancel(boost::system::error_code reason = {}) noexcept;

  /// Refuses further spawns. spawn() calls that already wait keep their turn.
  WEIR_API void close() noexcept;

  /// Cancels the group after `duration` unless it was joined by then; join()
  /// throws `asio::error::timed_out`. A later call replaces an earlier one. A
  /// negative duration cancels at once.
  template <typename Rep, typename Period>
  void cancel_after(std::chrono::duration<Rep, Period> duration) noexcept {
    cancel_at(detail::deadline_after(detail::saturated(duration)));
  }
  WEIR_API void cancel_at(clock::time_point deadline) noexcept;

  /// Sets a function that is called with every error of a child, or of the
  /// body, at the moment the error is recorded: before the siblings are
  /// cancelled and long before join() completes, because join() may wait for
  /// them. For logs and counters. Not called for an abort after a cancellation,
  /// nor after runtime::stop() was called. An empty function: no hook.
  ///
  /// The hook runs on the failing child's thread, after the child's frames were
  /// destroyed. No lock is held, so it may call any member. Several calls may
  /// run at once. The hook must not block, and must not throw: an exception
  /// calls `std::terminate`.
  ///
  /// Thread safety: any thread, at any time; the hook sees errors from then on.
  /// Complexity: one allocation here, none for an error.
  WEIR_API void set_error_hook(std::function<void(const task_failure&)> hook);

  /// Changes the cap. When it is raised, exactly the new slots are given to
  /// waiting spawn() calls. When it is lowered, no child is stopped, and none
  /// is admitted until the cap is met.
  ///
  /// Throws: `std::invalid_argument` when `n` is 0.
  WEIR_API void set_max_in_flight(std::size_t n);
  WEIR_API [[nodiscard]] std::size_t max_in_flight() const noexcept;

  WEIR_API [[nodiscard]] task_group_stats stats() const noexcept;
  WEIR_API [[nodiscard]] bool is_cancelled() const noexcept;
  /// Why the group was cancelled: the reason that cancel() was given
  /// (`operation_aborted` if none), `timed_out` for the deadline,
  /// `operation_aborted` for a failed child, the reason of the joining task if
  /// that was cancelled. Empty while the group is not cancelled. For the reason
  /// of a child see this_task::cancel_reason().
  WEIR_API [[nodiscard]] boost::system::error_code
  cancel_reason() const noexcept;

  /// The executor of the group's runtime.
  WEIR_API [[nodiscard]] executor get_executor() const noexcept;

  // For weir's own functions.
  WEIR_API task_group(detail::scope_maker maker,
                      const task_group_options& options);

private:
  friend struct detail::group_access;
  friend class detail::group_body;
  friend void detail::set_body(task_group&, detail::cancellable_body*) noexcept;
  friend void
  detail::body_failed(task_group&, const std::exception_ptr&, bool) noexcept;
  friend void detail::body_cancelled(task_group&) noexcept;

  detail::group_core* core_;
};

} // namespace weir
