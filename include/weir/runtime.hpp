// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/detail/task/root_task.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

namespace weir {

/// How a runtime is set up.
struct runtime_options {
  /// Threads of the pool; at least 1. Default: one per processor that the
  /// process may use.
  std::size_t threads = default_threads();

  /// Called with an exception that escaped a detached task, on a pool thread.
  /// Default: prints it to stderr and calls `std::terminate`. Must not throw.
  void (*on_unhandled)(const std::exception_ptr& error) noexcept = nullptr;

  /// How many processors the calling thread may use, at least 1: those that its
  /// affinity allows (`sched_getaffinity`), or fewer if a quota of its control
  /// group, or of one above, is smaller (v1 `cpu.cfs_quota_us`, v2 `cpu.max`; a
  /// fraction of a processor counts as one). Read again at each call.
  WEIR_API static std::size_t default_threads() noexcept;
};

/// Counters of a runtime, read without stopping it: close, not exact.
struct runtime_stats {
  std::size_t threads;    ///< threads of the pool
  std::size_t busy;       ///< threads running or looking for ready tasks
  std::size_t root_tasks; ///< tasks of run() and co_spawn() not yet ended
  std::size_t groups;     ///< task groups alive
  std::size_t timers;     ///< sleeps and deadlines pending
};

/// A fixed `asio::thread_pool` and what weir's tasks need on it: the queues of
/// ready tasks and the timing wheel.
///
/// The destructor cancels every root task and every group, waits for them and
/// joins the threads. Groups that with_task_group(), when_all() and the like
/// make inside a shield() are not cancelled. A group object that a task creates
/// there itself, such as a bare task_group, is cancelled. After 10 s the
/// destructor prints to stderr the names of the tasks and groups it still waits
/// for, and continues to wait. Handlers of the user that are still queued on
/// the pool are dropped, as by `~thread_pool`. After stop() the destructor
/// waits for the end that stop() began.
///
/// Neither the destructor nor stop() leaves an operation behind that a task
/// awaits. An operation that never completes delays the end for ever, for
/// example one of a foreign context that no thread runs any more. Run or
/// destroy that context first.
///
/// Precondition of the destructor: it does not run on one of the runtime's
///   threads, and task_groups made outside of its tasks are destroyed before
///   it.
/// Thread safety: every member from any thread.
class runtime { // Not final: a trait of Asio derives from it.
public:
  using executor_type = executor; ///< as Asio asks of a context

  /// `runtime_options::default_threads()` threads.
  WEIR_API runtime();
  /// Throws: `std::invalid_argument` when `threads` is 0; `std::bad_alloc`, or
  ///   the system's error, when not all threads can be started; those that were
  ///   started have then ended.
  WEIR_API explicit runtime(std::size_t threads);
  WEIR_API explicit runtime(const runtime_options& options);
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  WEIR_API ~runtime();

  /// Runs `work` and blocks the calling thread until it has ended; returns its
  /// value or throws its exception. May be called again, and by several
  /// threads at once.
  ///
  /// Throws: errc::would_deadlock on one of the runtime's own threads;
  ///   `operation_aborted` when the task was cancelled by the runtime's
  ///   destruction; errc::runtime_stopped after stop(), errc::task_abandoned
  ///   when stop() was called while it ran, after its frames are destroyed;
  ///   `std::invalid_argument` for an empty task.
  template <typename T>
  T run(task<T> work) {
    detail::require_task(work, "weir::runtime::run");
    detail::run_root<T> root(*core_);
    detail::start_root(*core_, detail::unstarted(std::move(work)), root);
    return root.wait();
  }
  // For a readable compile error.
  template <typename Work>
  detail::explained run(Work&&) {
    detail::explain_work<Work>();
    return {};
  }

  /// The executor of the pool, for sockets, timers and co_spawn.
  [[nodiscard]] executor get_executor() noexcept {
    return detail::executor_access::of(*core_);
  }

  /// The context of get_executor(). Asio's constructors and functions that take
  /// an `asio::io_context&` also take a runtime.
  ///
  ///     asio::signal_set signals(runtime, SIGTERM);
  ///     tcp::acceptor acceptor(runtime, endpoint);
  ///
  /// Precondition: an object made with it is not used after the runtime is
  ///   destroyed, as with any context.
  operator asio::execution_context&() noexcept {
    return detail::pool_of(*core_);
  }

  /// Ends every task without resuming it, in two phases.
  ///
  /// First it ends all waits: it cancels the wait of each task, through
  /// shields, filters and clean-ups, and waits for the operation. A task that
  /// runs continues to its next await or its end. When no task runs or waits
  /// any more, the frames are destroyed, those of children before those of the
  /// task that made their group. They are destroyed by the threads of the pool,
  /// the thread in stop(), those in run(), or the one in the destructor.
  ///
  /// No coroutine of a task is resumed; only destructors and completion
  /// handlers run. An `asio::awaitable` that a task awaits sees
  /// `operation_aborted`. No clean-up of finally() starts, no error hook and no
  /// `on_unhandled` is called, and as_stopped() gives no value. run(),
  /// co_spawn() and joins that still wait report errc::task_abandoned.
  ///
  /// It returns when all frames are destroyed and the pool's threads have
  /// ended. On one of the runtime's own threads, and in a destructor that the
  /// end runs, it only begins the end; the pool completes it. After 10 s it, or
  /// the destructor, prints to stderr each task that still runs or waits and
  /// what it waits for, and continues to wait.
  ///
  /// An `asio::awaitable` in a task may wait for tasks of this runtime that it
  /// started (with_task_group(), co_spawn(), a join of its group). The frames
  /// of those tasks are destroyed first, and then the awaitable returns. stop()
  /// does not end an awaitable that waits for tasks which another task started,
  /// or that runs on another context; cancel it first.
  ///
  /// Thread safety: any thread. Other threads may meanwhile cancel the tasks,
  ///   and complete what they wait for.
  WEIR_API void stop() noexcept;

  WEIR_API [[nodiscard]] runtime_stats stats() const noexcept;

private:
  friend class task_group;
  std::unique_ptr<detail::runtime_core, void (*)(detail::runtime_core*)> core_;
};

} // namespace weir
