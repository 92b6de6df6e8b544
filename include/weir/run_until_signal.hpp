// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include <chrono>
#include <csignal>
#include <vector>

namespace weir {

/// What a signal does that arrives while run_until_signal() is already cleaning
/// up.
enum class second_signal {
  /// The signal has its default action, which ends the process, even when every
  /// thread of the runtime is busy. This is what a second Ctrl-C is expected to
  /// do.
  ends_process,
  /// Calls runtime::stop(), as when the time for the clean-up is over. A third
  /// signal ends the process.
  stops_runtime,
  /// This function ignores the signal.
  is_ignored,
};

/// How run_until_signal() ends.
struct signal_options {
  /// The signals that end run_until_signal(). If empty, it only waits for the
  /// tasks.
  std::vector<int> signals = {SIGINT, SIGTERM};

  /// Time that the tasks have to end after they are cancelled; runtime::stop()
  /// then ends those that are left. `clock::duration::max()` means no limit.
  clock::duration clean_up = std::chrono::seconds(10);

  /// What a further signal does during that time.
  second_signal second = second_signal::ends_process;
};

/// How run_until_signal() ended, if it did not throw.
struct signal_end {
  int signal = 0;          ///< which signal ended it; 0: the tasks ended first
  bool is_stopped = false; ///< the runtime was stopped, see signal_options
};

/// Runs `main`, and waits for it and for every other root task of `on`: those
/// that co_spawn() started, `asio::detached` or not. Blocks the calling thread.
/// It is what `io_context.run()` is for a server.
///
///     int main() {
///       weir::runtime runtime;
///       weir::run_until_signal(runtime, accept_connections(runtime));
///     }
///
/// It returns when all these tasks have ended. The first of `options.signals`
/// cancels what the runtime's destructor would cancel: `main`, the other root
/// tasks, and the groups; a root task that is started from then on is cancelled
/// at once. Then run_until_signal() waits until all of these have ended. If
/// `main` ends by this cancellation, that is not thrown. If the wait takes
/// longer than `options.clean_up`, it prints to stderr the names of the tasks
/// and groups that are left and calls runtime::stop(). `options.second` says
/// what one more signal does.
///
/// If `main` throws, the other tasks are cancelled in the same way and waited
/// for, and then the exception of `main` is thrown. Errors of detached tasks go
/// to `runtime_options::on_unhandled`, as always.
///
/// The signals are caught by an `asio::signal_set` on the calling thread, so
/// busy threads of the runtime do not delay them. Other signal_sets of the
/// process receive them, too. Afterwards the signals have their default action,
/// if no other set has them. The runtime can be used again, unless it is
/// stopped.
///
/// It does not wait for work that completion handlers start after the last task
/// ended.
///
/// Throws: what `main` throws, except for the cancellation by a signal;
///   `std::invalid_argument` for an empty task, a number that is not a signal
///   or a signal that cannot be caught, and a negative `clean_up`;
///   errc::would_deadlock on one of the runtime's own threads;
///   errc::runtime_stopped and errc::task_abandoned as runtime::run(), when
///   another caller calls stop(); `std::bad_alloc`, and the system's error if
///   signals cannot be caught, before anything is started.
/// Thread safety: any thread except the runtime's own; several calls at once,
///   each of which gets every signal.
/// Source: Go's `signal.NotifyContext`, tokio's `ctrl_c` with `TaskTracker`.
signal_end
run_until_signal(runtime& on, task<> main, const signal_options& options = {});

} // namespace weir
