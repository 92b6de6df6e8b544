// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <string>
#include <thread>

namespace weir::test::threads {

/// What is running, for the message of a failure: how to run it again.
/// Between iterations.
void now_running(const std::string& rerun);

/// Prints `what` and how to run it again, and ends the process: there may be
/// tasks that nobody can wait for any more. Any thread.
[[noreturn]] void fail(const std::string& what);

inline void check(bool holds, const char* what) {
  if (!holds)
    fail(what);
}

/// Ends the process when nothing is running anew for too long.
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
