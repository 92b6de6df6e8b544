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

/// What a signal does that arrives while run_until_signal() already cleans up.
enum class second_signal {
  /// The default action of the signal, which ends the process, also when every
  /// thread of the runtime is busy: what Ctrl-C twice is expected to do.
  ends_process,
  /// runtime::stop(), as when the time for the clean-up is over. The third one
  /// ends the process.
  stops_runtime,
  /// Nothing, as far as this function goes.
  is_ignored,
};

/// How run_until_signal() ends.
struct signal_options {
  /// Those that end it. Empty: it waits for the tasks alone.
  std::vector<int> signals = {SIGINT, SIGTERM};

  /// Time that the tasks have to end once they are cancelled; what is left then
  /// is ended by runtime::stop(). `clock::duration::max()` is for ever.
  clock::duration clean_up = std::chrono::seconds(10);

  /// What a further signal does meanwhile.
  second_signal second = second_signal::ends_process;
};

/// How run_until_signal() ended, if it did not throw.
struct signal_end {
  int signal = 0;          ///< the one that ended it; 0: the tasks ended first
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
/// It returns when all of them have ended. The first of `options.signals`
/// cancels what the runtime's destructor would cancel: `main`, the other root
/// tasks, and the groups; a root task that is started from then on is cancelled
/// at once. Then it waits until nothing of that is left, and `main` may end by
/// the cancellation: that is not thrown. If this takes longer than
/// `options.clean_up`, it prints to stderr the names of what is left and calls
/// runtime::stop(). What one more signal does, `options.second` says.
///
/// If `main` throws, the other tasks are cancelled in the same way and waited
/// for, and then what it threw is thrown. Errors of detached tasks go to
/// `runtime_options::on_unhandled`, as ever.
///
/// The signals are caught by an `asio::signal_set` on the calling thread, so
/// busy threads of the runtime do not delay them. Other signal_sets of the
/// process are told, too. Afterwards the signals have their default action, if
/// no other set has them. The runtime can be used again, unless it is stopped.
///
/// Not waited for: what completion handlers start after the last task ended.
///
/// Throws: what `main` throws, but for the cancellation by a signal;
///   `std::invalid_argument` for an empty task, a number that is no signal or
///   one that cannot be caught, and a negative `clean_up`; errc::would_deadlock
///   on one of the runtime's own threads; errc::runtime_stopped and
///   errc::task_abandoned as runtime::run(), when somebody else calls stop();
///   `std::bad_alloc`, and the system's error if signals cannot be caught,
///   before anything is started.
/// Thread safety: any thread but the runtime's own; several calls at once, of
///   which each hears of each signal.
/// Source: Go's `signal.NotifyContext`, tokio's `ctrl_c` with `TaskTracker`.
signal_end
run_until_signal(runtime& on, task<> main, const signal_options& options = {});

} // namespace weir
