// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "sanitized.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

namespace weir::test {

/// Ends the process with the name of the running case unless it is destroyed
/// in time: a hang is a failure with a name.
///
/// A busy machine must not trigger it. The limit is long, and is counted in
/// short waits of the watchdog: while this process gets no processor time, or
/// is stopped, at most one such wait passes.
class watchdog final {
public:
  static constexpr std::chrono::seconds default_limit{slow ? 600 : 300};

  explicit watchdog(std::chrono::seconds limit = default_limit)
      : name_(boost::unit_test::framework::current_test_case().full_name()),
        thread_([this, limit] { watch(limit); }) {}
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

private:
  void watch(std::chrono::seconds limit) {
    constexpr std::chrono::milliseconds turn{100};
    std::unique_lock lock(mutex_);
    for (auto left = limit / turn; left > 0; --left)
      if (changed_.wait_for(lock, turn, [this] { return done_; }))
        return;
    std::fprintf(stderr,
                 "%s: not finished after %lld s\n",
                 name_.c_str(),
                 static_cast<long long>(limit.count()));
    // No handler: it would report this as an error of the case, and the suite
    // would continue while the hanging case still runs.
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
  }

  std::string name_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false; // guarded by mutex_
  std::thread thread_;
};

} // namespace weir::test
