// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weir::detail {

// The slots of a group while counting is enough: the group is below the cap,
// has no waiter for a slot, is not cancelled, not closed. Then a child starts
// and ends with one compare-exchange and without the group's lock.
//
// One word, in two modes:
//
//   open    bits 0-23   children now running, each with a slot
//           bits 24-61  stamp: one more with each child that starts, and with
//                       each opening
//           bit 62      a joiner waits
//   locked  bit 63: the group's rules count, under its lock; of the other bits
//           only the stamp is valid
//
// open -> locked (lock, under the group's lock) hands the counts over; locked
// -> open (unlock) hands them back under a new stamp, so that an exchange that
// was based on an earlier cap fails. The number of children started is the
// stamp plus started_apart_, which is set when the word is opened.
//
// A value of the word recurs only when its stamp recurs: after 2^38 starts and
// openings. A thread would have to be pre-empted before its exchange for all of
// them, most of an hour at least, to exceed a lowered cap or to give two
// children one index.
template <typename Sync>
class basic_slot_counter {
public:
  enum class entry : std::uint8_t { entered, refused };
  enum class exit : std::uint8_t { left, refused };

  struct counts {
    std::uint64_t running;
    std::uint64_t started; // in all
  };

  // Precondition: cap is at least 1. Open.
  explicit basic_slot_counter(std::size_t cap) noexcept : cap_(cap) {}

  // Any thread: one child more. refused: no slot, a field is full, or locked;
  // use the rules. `now`: the counts with it.
  entry try_enter(counts& now) noexcept {
    // acquire: pairs with unlock(); sees cap_ and what else it published.
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    for (;;) {
      if ((seen & locked_flag) != 0)
        return entry::refused;
      now = unpack(seen + one_running + one_stamp);
      // relaxed: constant while open; the exchange confirms the stamp.
      now.started += started_apart_.load(std::memory_order_relaxed);
      if ((seen & running_mask) == running_mask ||
          (seen & stamp_mask) == stamp_mask ||
          // relaxed: a stale cap belongs to an outdated stamp.
          now.running > cap_.load(std::memory_order_relaxed))
        return entry::refused;
      if (word_.compare_exchange_weak(
              seen,
              seen + one_running + one_stamp,
              // acquire: as above, on failure too. release: a thread that locks
              // or joins sees what the spawner did.
              std::memory_order_acq_rel,
              std::memory_order_acquire))
        return entry::entered;
    }
  }

  // Any thread: one child less. refused: locked, or it is the last and a joiner
  // waits; use the rules. `idle`: it was the last.
  exit try_leave(bool& idle) noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & locked_flag) != 0)
        return exit::refused;
      idle = (seen & running_mask) == 1;
      if (idle && (seen & joiner_flag) != 0)
        return exit::refused;
      if (word_.compare_exchange_weak(
              seen,
              seen - one_running,
              // release: a thread that locks or joins sees what the child did.
              // acquire: a child that leaves after another thread looked for
              // children, and opened the word again, sees what that thread did
              // before, see runtime_core::group_is_idle().
              std::memory_order_acq_rel,
              std::memory_order_relaxed))
        return exit::left;
    }
  }

  // Under the group's lock, open.
  counts lock() noexcept {
    // acquire: sees what the children that have left did.
    counts now = unpack(word_.fetch_or(locked_flag, std::memory_order_acquire));
    // relaxed: only written under the lock.
    now.started += started_apart_.load(std::memory_order_relaxed);
    return now;
  }
  // Under the group's lock, locked. False: too many children to count here.
  bool unlock(counts now, bool joiner, std::size_t cap) noexcept {
    if (now.running > running_mask)
      return false;
    // relaxed: a locked word is written only under the lock.
    const std::uint64_t stamp =
        (word_.load(std::memory_order_relaxed) + one_stamp) & stamp_mask;
    cap_.store(cap, std::memory_order_relaxed); // both published below
    // Modulo 2^64, as is the sum that uses it.
    started_apart_.store(now.started - stamp / one_stamp,
                         std::memory_order_relaxed);
    // release: publishes what was decided under the lock.
    word_.store(stamp | (joiner ? joiner_flag : 0) | now.running,
                std::memory_order_release);
    return true;
  }
  // Under the group's lock.
  bool is_locked() const noexcept {
    // relaxed: only changed under the lock.
    return (word_.load(std::memory_order_relaxed) & locked_flag) != 0;
  }

private:
  static constexpr std::uint64_t bit(unsigned n) noexcept {
    return std::uint64_t(1) << n;
  }
  static constexpr std::uint64_t one_running = bit(0);
  static constexpr std::uint64_t one_stamp = bit(24);
  static constexpr std::uint64_t joiner_flag = bit(62);
  static constexpr std::uint64_t locked_flag = bit(63);
  static constexpr std::uint64_t running_mask = one_stamp - 1;
  static constexpr std::uint64_t stamp_mask = joiner_flag - one_stamp;

  // The part of `started` that the word contains.
  static counts unpack(std::uint64_t word) noexcept {
    return {word & running_mask, (word & stamp_mask) / one_stamp};
  }

  typename Sync::template atomic<std::uint64_t> word_{0};
  typename Sync::template atomic<std::size_t> cap_;
  typename Sync::template atomic<std::uint64_t> started_apart_{0};
};

using slot_counter = basic_slot_counter<sync>;

} // namespace weir::detail
