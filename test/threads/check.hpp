// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <string>
#include <thread>

namespace weir::test::threads {

/// Sets how to run the current iteration again, for the message of a failure.
/// Call between iterations.
void now_running(const std::string& rerun);

/// Prints `what` and how to run it again, and ends the process: there may be
/// tasks for which no thread can wait any more. Any thread.
[[noreturn]] void fail(const std::string& what);

inline void check(bool holds, const char* what) {
  if (!holds)
    fail(what);
}

/// Ends the process if no new iteration begins for too long.
class watch final {
public:
  watch();
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;
  ~watch();

private:
  std::thread thread_;
};

} // namespace weir::test::threads
