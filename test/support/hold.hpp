// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace weir::test {

/// Blocks threads, as a gate suspends tasks. Thread safety: any thread.
class hold final {
public:
  /// Returns once it was released.
  void block() {
    std::unique_lock held(mutex_);
    ++arrivals_;
    changed_.wait(held, [this] { return released_; });
  }
  void release() {
    std::lock_guard held(mutex_);
    released_ = true;
    changed_.notify_all(); // Under the lock: then *this may be destroyed.
  }
  /// How many threads have called block().
  std::size_t arrivals() const {
    std::lock_guard held(mutex_);
    return arrivals_;
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;    // guarded by mutex_
  std::size_t arrivals_ = 0; // guarded by mutex_
};

} // namespace weir::test
