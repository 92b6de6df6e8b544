// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace weir::test {

/// A log of events, in order; written by tasks, read by the case. Thread
/// safety: any thread.
template <typename T>
class journal final {
public:
  void add(T entry) {
    std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  std::vector<T> entries() const {
    std::lock_guard lock(mutex_);
    return entries_;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return entries_.size();
  }

private:
  mutable std::mutex mutex_;
  std::vector<T> entries_; // guarded by mutex_
};

} // namespace weir::test
