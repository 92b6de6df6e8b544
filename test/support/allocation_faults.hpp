// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <atomic>
#include <cstdint>

namespace weir::test {

/// Chooses which allocations fail, of the thread that calls arm() or of all
/// threads. One source of the program includes failing_malloc.hpp.
class allocation_faults final {
public:
  enum class of { this_thread, all_threads };

  /// The k-th allocation from now on fails, counted from 1, and, if `sticky`,
  /// all after it.
  static void
  arm(std::int64_t k, bool sticky, of whose = of::this_thread) noexcept {
    injected_ = 0;
    sticky_ = sticky;
    of_all_ = whose == of::all_threads;
    left_ = k;
    armed_ = true;
    is_mine = true;
  }
  static void disarm() noexcept { armed_ = false; }
  /// How many have failed since arm().
  static std::uint64_t injected() noexcept { return injected_; }
  /// Blocks that were allocated and not freed.
  static std::int64_t live() noexcept { return live_; }

  // For the functions below.
  static bool fails_now() noexcept {
    if (!armed_ || exempt || !(of_all_ || is_mine))
      return false;
    const std::int64_t left = --left_;
    if (left > 0 || (left < 0 && !sticky_))
      return false;
    ++injected_;
    return true;
  }
  static void* count(void* p) noexcept {
    live_ += p != nullptr;
    return p;
  }
  static void count_free(const void* p) noexcept { live_ -= p != nullptr; }

  static inline constinit thread_local bool exempt = false;
  static inline constinit thread_local bool is_mine = false; // this thread arms

private:
  static inline std::atomic<bool> armed_{false};
  static inline std::atomic<bool> sticky_{false};
  static inline std::atomic<bool> of_all_{false};
  static inline std::atomic<std::int64_t> left_{0};
  static inline std::atomic<std::uint64_t> injected_{0};
  static inline std::atomic<std::int64_t> live_{0};
};

} // namespace weir::test
