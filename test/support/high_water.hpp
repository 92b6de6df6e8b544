// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <atomic>

namespace weir::test {

/// How many callers are inside now, and the maximum so far. Thread safety: any
/// thread.
class high_water final {
public:
  void enter() noexcept {
    const int now = ++inside_;
    int peak = peak_.load();
    while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
    }
  }
  void leave() noexcept { --inside_; }
  int inside() const noexcept { return inside_; }
  int peak() const noexcept { return peak_; }

private:
  std::atomic<int> inside_{0};
  std::atomic<int> peak_{0};
};

} // namespace weir::test
