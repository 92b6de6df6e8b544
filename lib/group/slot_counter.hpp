// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weir::detail {

struct group_waiter;

// The slots of a group while counting is enough: the group is below the cap,
// has no waiter for a slot, is not cancelled, not closed. Then a child starts
// and ends with one compare-exchange and without the group's lock. While
// nothing else was asked of the group, so is it joined: the word is fresh.
//
// One word, in two modes:
//
//   open    bits 0-23   children now running, each with a slot
//           bits 24-59  stamp: one more with each child that starts, and with
//                       each opening
//           bit 60      fresh: never locked
//           bit 61      fresh, and joined: no child is left, none may start
//           bit 62      a joiner waits; if fresh, the one in joiner_
//   locked  bit 63: the group's rules count, under its lock; of the other bits
//           only the stamp is valid
//
// open -> locked (lock, under the group's lock) hands the counts over; locked
// -> open (unlock) hands them back under a new stamp, so that an exchange that
// was based on an earlier cap fails. The number of children started is the
// stamp plus started_apart_, which is set when the word is opened.
//
// A value of the word recurs only when its stamp recurs: after 2^36 starts and
// openings. A thread would have to be pre-empted before its exchange for all of
// them, most of an hour at least, to exceed a lowered cap or to give two
// children one index.
template <typename Sync>
class basic_slot_counter {
public:
  enum class entry : std::uint8_t { entered, refused };
  enum class exit : std::uint8_t { left, refused };
  enum class joining : std::uint8_t { joined, waits, refused };

  struct counts {
    std::uint64_t running = 0;
    std::uint64_t started = 0; // in all
    // Handed over with the counts:
    bool was_fresh = false;
    group_waiter* joiner = nullptr; // that waits
    bool is_joined = false;
  };

  // Precondition: cap is at least 1. Open and fresh.
  explicit basic_slot_counter(std::size_t cap) noexcept : cap_(cap) {}

  // Any thread: one child more. refused: no slot, a field is full, joined, or
  // locked; use the rules. `now`: the counts with it.
  entry try_enter(counts& now) noexcept {
    // acquire: pairs with unlock(); sees cap_ and what else it published.
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    for (;;) {
      if ((seen & (locked_flag | joined_flag)) != 0)
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

  // Any thread: one child less. refused: locked, or not fresh and it is the
  // last and a joiner waits; use the rules. `idle`: it was the last. `joiner`:
  // it has joined the group, and the caller completes this one; or null.
  exit try_leave(bool& idle, group_waiter*& joiner) noexcept {
    // acquire: sees joiner_. A child that leaves after another thread looked
    // for children, and opened the word again, sees what that thread did
    // before, see runtime_core::group_is_idle(). The last child passes on to
    // the joiner what the others did.
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    for (;;) {
      if ((seen & locked_flag) != 0)
        return exit::refused;
      note_peak(seen & running_mask);
      std::uint64_t left = seen - one_running;
      joiner = nullptr;
      idle = (seen & running_mask) == 1;
      if (idle && (seen & joiner_flag) != 0) {
        if ((seen & fresh_flag) == 0)
          return exit::refused;
        left = (left - joiner_flag) | joined_flag;
        // relaxed: published with the flag. Read before the exchange, because
        // after it *this may be destroyed.
        joiner = joiner_.load(std::memory_order_relaxed);
      }
      if (word_.compare_exchange_weak(
              seen,
              left,
              // release: a thread that locks or joins sees what the child did.
              // The load has acquired: it read the same value, which does not
              // recur.
              std::memory_order_release,
              std::memory_order_acquire)) // as for the load
        return exit::left;
    }
  }

  // Any thread. joined: no child is left. waits: the last child to leave
  // completes `w`. refused: not fresh, or another joiner waits; use the rules.
  joining try_join(group_waiter& w) noexcept {
    // acquire: sees what the children that have left did.
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    for (;;) {
      if ((seen & (locked_flag | fresh_flag)) != fresh_flag)
        return joining::refused;
      if ((seen & joined_flag) != 0)
        return joining::joined;
      std::uint64_t wanted = seen | joined_flag;
      if ((seen & running_mask) != 0) {
        if ((seen & joiner_flag) != 0 || !claim_joiner(w))
          return joining::refused;
        wanted = seen | joiner_flag;
      }
      if (word_.compare_exchange_weak(
              seen,
              wanted,
              // release: publishes joiner_. acquire: as above.
              std::memory_order_acq_rel,
              std::memory_order_acquire))
        return (wanted & joined_flag) != 0 ? joining::joined : joining::waits;
    }
  }
  // Any thread. True: joined, and still fresh.
  bool is_freshly_joined() const noexcept {
    // acquire: sees what the children did.
    return (word_.load(std::memory_order_acquire) &
            (locked_flag | joined_flag)) == joined_flag;
  }

  // The most that ran at once, as far as those know that have left, since the
  // last call of reset_peak().
  std::uint64_t peak() const noexcept {
    return peak_.load(std::memory_order_relaxed); // a maximum
  }
  // Under the group's lock, without children.
  void reset_peak() noexcept {
    peak_.store(0, std::memory_order_relaxed); // published by unlock()
  }

  // Under the group's lock, open.
  counts lock() noexcept {
    // acquire: sees what the children that have left did, and joiner_.
    const std::uint64_t seen =
        word_.fetch_or(locked_flag, std::memory_order_acquire);
    counts now = unpack(seen);
    // relaxed: only written under the lock.
    now.started += started_apart_.load(std::memory_order_relaxed);
    if ((seen & fresh_flag) != 0) {
      now.was_fresh = true;
      now.is_joined = (seen & joined_flag) != 0;
      if ((seen & joiner_flag) != 0)
        // relaxed: published with the flag.
        now.joiner = joiner_.load(std::memory_order_relaxed);
    }
    return now;
  }
  // Under the group's lock, locked. False: too many children to count here.
  bool unlock(const counts& now, bool joiner, std::size_t cap) noexcept {
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
  // Under the group's lock, or fresh.
  std::size_t cap() const noexcept {
    return cap_.load(std::memory_order_relaxed); // changed under the lock
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
  static constexpr std::uint64_t fresh_flag = bit(60);
  static constexpr std::uint64_t joined_flag = bit(61);
  static constexpr std::uint64_t joiner_flag = bit(62);
  static constexpr std::uint64_t locked_flag = bit(63);
  static constexpr std::uint64_t running_mask = one_stamp - 1;
  static constexpr std::uint64_t stamp_mask = fresh_flag - one_stamp;

  // The part of `started` that the word contains.
  static counts unpack(std::uint64_t word) noexcept {
    counts part;
    part.running = word & running_mask;
    part.started = (word & stamp_mask) / one_stamp;
    return part;
  }
  // How many ran when one of them left. Every maximum is seen so, or by lock().
  void note_peak(std::uint64_t running) noexcept {
    // relaxed, all: a maximum, read under the lock.
    std::uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (running > peak &&
           !peak_.compare_exchange_weak(peak,
                                        running,
                                        std::memory_order_relaxed,
                                        std::memory_order_relaxed)) {
    }
  }
  // False: another joiner was faster. One that was, and did not wait in the
  // end, leaves its address behind, which is not used without the flag.
  bool claim_joiner(group_waiter& w) noexcept {
    group_waiter* seen = nullptr;
    // relaxed, both: published with the flag.
    return joiner_.compare_exchange_strong(seen,
                                           &w,
                                           std::memory_order_relaxed,
                                           std::memory_order_relaxed) ||
           seen == &w;
  }

  typename Sync::template atomic<std::uint64_t> word_{fresh_flag};
  typename Sync::template atomic<std::size_t> cap_;
  typename Sync::template atomic<std::uint64_t> started_apart_{0};
  typename Sync::template atomic<std::uint64_t> peak_{0};
  typename Sync::template atomic<group_waiter*> joiner_{nullptr};
};

using slot_counter = basic_slot_counter<sync>;

} // namespace weir::detail
