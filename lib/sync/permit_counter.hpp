// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace weir::detail {

// A limiter's lock, and its free permits while counting is enough: there are no
// waiters, and no more is in use than the capacity. Then a permit is taken and
// given back with one compare-exchange and without the lock.
//
// One word, in two modes:
//
//   open    bits 2-63  free permits
//   closed  bit 1: the limiter's rules count, under the lock; the rest is void
//   bit 0   locked
//
// A word that is closed and opened again may have the same value as before. It
// then means the same, so an exchange that expects the earlier value is still
// right.
template <typename Sync>
class basic_permit_counter {
public:
  // Open, if the number fits.
  explicit basic_permit_counter(std::size_t free) noexcept
      : word_(free <= most ? pack(free) : closed_flag) {}

  // Any thread. False: not that much is free, closed, or locked; use the rules.
  bool try_take(std::size_t weight) noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & (locked_flag | closed_flag)) == 0 && seen / one >= weight)
      if (word_.compare_exchange_weak(
              seen,
              seen - weight * one,
              // acquire: sees what the threads did that gave permits back.
              std::memory_order_acquire,
              std::memory_order_relaxed))
        return true;
    return false;
  }

  // Any thread. False: closed or locked; use the rules. True: the word may be
  // destroyed.
  bool try_give(std::size_t weight) noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & (locked_flag | closed_flag)) == 0)
      if (word_.compare_exchange_weak(seen,
                                      seen + weight * one,
                                      // release: the thread that takes the
                                      // permits sees what was done with them.
                                      std::memory_order_release,
                                      std::memory_order_relaxed))
        return true;
    return false;
  }

  // Takes the lock; held for tens of nanoseconds. How many are free, if it was
  // open.
  std::optional<std::size_t> lock() noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    for (unsigned round = 0;;) {
      if ((seen & locked_flag) != 0) {
        Sync::pause(round++);
        seen = word_.load(std::memory_order_relaxed);
      } else if (word_.compare_exchange_weak(
                     seen,
                     seen | locked_flag,
                     // acquire: what the last holder wrote, and as in take.
                     std::memory_order_acquire,
                     std::memory_order_relaxed)) {
        break;
      }
    }
    if ((seen & closed_flag) != 0)
      return std::nullopt;
    return static_cast<std::size_t>(seen / one);
  }
  // Unlocks; open again with `free`, if given and the number fits.
  void unlock(std::optional<std::size_t> free) noexcept {
    // release: publishes what was done under the lock. No other thread writes a
    // locked word.
    word_.store(free && *free <= most ? pack(*free) : closed_flag,
                std::memory_order_release);
  }

private:
  static constexpr std::uint64_t locked_flag = 1;
  static constexpr std::uint64_t closed_flag = 2;
  static constexpr std::uint64_t one = 4;
  static constexpr std::uint64_t most = ~std::uint64_t(0) / one;

  static constexpr std::uint64_t pack(std::size_t free) noexcept {
    return free * one;
  }

  typename Sync::template atomic<std::uint64_t> word_;
};

} // namespace weir::detail
