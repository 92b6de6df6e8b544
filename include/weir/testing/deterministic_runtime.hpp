// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/detail/task/root_task.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>

#include "deadlock.hpp"
#include "deterministic_options.hpp"
#include "step_limit_exceeded.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace weir::testing {

/// A runtime for tests, without threads: run() executes everything on the
/// calling thread. Which of the ready tasks comes next is drawn from a seed,
/// and time is virtual: when nothing is ready, it jumps to the next timer.
///
///     weir::testing::deterministic_runtime runtime({.seed = 4711});
///     runtime.run(retries(thirty_seconds)); // takes microseconds
///
/// Tasks, groups, channels and all else work as on a weir::runtime: pass them
/// get_executor(). sleep_for(), sleep_until(), with_timeout(), deadlines and
/// the times of shutdown() follow the virtual clock. On the thread that made
/// the runtime, `weir::clock::now()` is the virtual time until the runtime is
/// destroyed.
///
/// Every order could also occur with threads: a task runs until it suspends; at
/// a spawn() it may continue or let others run first.
///
/// Events from outside are accepted, but the seed determines neither their
/// order nor their time: Asio's I/O and timers (also a sleep with a token or in
/// an `asio::awaitable`), threads, offload(). See docs/07-testing.md.
///
/// The destructor cancels the tasks that co_spawn() started and runs them to
/// their end. If that fails it prints why, and ends the rest as stop() does.
///
/// Each end takes steps of its own, at most `max_steps` or 1,000,000 if that is
/// more, which steps() does not count; the destructor may take `max_steps`
/// before that, to cancel. If the runtime cannot end, because an operation from
/// outside does not complete within `outside_limit` or handlers run for ever,
/// it prints why and the tree of tasks, and leaves everything as it is: frames
/// are leaked.
///
/// Precondition of the destructor: it runs on the thread of the constructor.
/// Thread safety: none, except for posting to the executor and for calls on
///   tasks and groups that are allowed from any thread.
class deterministic_runtime { // Not final: a trait of Asio derives from it.
public:
  using executor_type = executor; ///< as Asio asks of a context

  /// Throws: `std::invalid_argument` when `max_steps` is 0 or a duration is
  ///   negative.
  WEIR_API explicit deterministic_runtime(deterministic_options options = {});
  deterministic_runtime(const deterministic_runtime&) = delete;
  deterministic_runtime& operator=(const deterministic_runtime&) = delete;
  WEIR_API ~deterministic_runtime();

  /// Runs `work` on the calling thread, with everything else that is ready,
  /// until it has ended; returns its value or throws its exception. May be
  /// called again.
  ///
  /// Throws: deadlock, step_limit_exceeded; what escaped from a detached task
  ///   or a completion handler. Before run() throws one of these, it stops the
  ///   runtime as stop() does: it drives all tasks to the end of their waits
  ///   and destroys their frames. A loop whose awaits are all ready lets others
  ///   run after each 128 awaits, but virtual time stands still: it ends with
  ///   step_limit_exceeded. errc::would_deadlock in a task of a deterministic
  ///   runtime, or while another thread is in run(); errc::runtime_stopped
  ///   after stop(), errc::task_abandoned when stop() was called meanwhile;
  ///   `std::invalid_argument` for an empty task.
  template <typename T>
  T run(task<T> work) {
    detail::require_task(work, "weir::testing::deterministic_runtime::run");
    require_free();
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

  /// For co_spawn, task_group, sockets: as that of a weir::runtime.
  [[nodiscard]] executor get_executor() noexcept {
    return detail::executor_access::of(*core_);
  }

  /// As that of a weir::runtime.
  operator asio::execution_context&() noexcept {
    return detail::pool_of(*core_);
  }

  /// The virtual time. It begins at the same time_point in each runtime.
  WEIR_API [[nodiscard]] clock::time_point now() const noexcept;
  /// Virtual time since the runtime was made.
  WEIR_API [[nodiscard]] clock::duration elapsed() const noexcept;
  /// Steps taken so far.
  WEIR_API [[nodiscard]] std::uint64_t steps() const noexcept;

  /// Calls `hook` after each step of run(), between two tasks: the place to
  /// check invariants. An exception of the hook ends run() as a deadlock does.
  /// The hook may call stop(). An empty function removes the hook.
  WEIR_API void set_step_hook(std::function<void()> hook);

  /// As runtime::stop(): ends all waits, then destroys the frames, children
  /// first, without resuming them. Outside of run() it does this itself, on
  /// this thread; in a task, and in the step hook, it only begins the end, and
  /// run() carries it out.
  WEIR_API void stop() noexcept;

private:
  WEIR_API void require_free() const;

  std::unique_ptr<detail::runtime_core, void (*)(detail::runtime_core*)> core_;
};

} // namespace weir::testing
