// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>

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

} // namespace weir
