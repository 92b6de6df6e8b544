// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/wait/timer_entry.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::detail {

// Pending deadlines in ticks: seven levels of 64 slots. A slot of level n is
// 64^n ticks wide, and a level holds what is due within its next 63 slots, so
// an entry stands at the lowest level that reaches it and moves down when its
// slot comes. Arming and disarming are O(1); an entry moves at most 6 times,
// one due within 63 ticks never.
//
// A slot has several lists, filled in turn, so that a walk along a slot
// prefetches other entries while it waits for the memory of one.
//
// Not synchronised; knows nothing of clocks.
//
// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987.
class timing_wheel {
public:
  static constexpr std::uint64_t never =
      std::numeric_limits<std::uint64_t>::max();
  // Later ticks (after some 34 years, in quarters of a millisecond) count as
  // this one.
  static constexpr std::uint64_t last_tick = (std::uint64_t(1) << 42) - 1;

  // Precondition: not armed. Returns the tick in which the entry is due: the
  // next one if `tick` has passed.
  std::uint64_t arm(timer_entry& entry, std::uint64_t tick) noexcept;
  // False: it was not armed, or advance() has returned it.
  bool disarm(timer_entry& entry) noexcept;

  // Moves on towards `now`. Up to `most` of what has become due, chained by
  // timer_entry::next in the order of ticks (equal ones in any order), and
  // disarmed. Null: nothing is due, the wheel stands at `now`.
  timer_entry* advance(std::uint64_t now, std::size_t most) noexcept;

  // When advance() must be called next: at or before the earliest tick.
  std::uint64_t next_event() const noexcept;

  std::size_t size() const noexcept { return size_; }

private:
  static constexpr unsigned bits = 6;
  static constexpr unsigned slots = 1u << bits;
  static constexpr unsigned levels = 7;

  struct event {
    std::uint64_t tick;
    unsigned level;
    unsigned slot;
  };

  event earliest() const noexcept;
  void insert(timer_entry& entry, std::uint64_t tick) noexcept;
  void remove(timer_entry& entry) noexcept;

  static constexpr unsigned lanes = 4;

  struct list {
    timer_entry* first = nullptr;
    timer_entry* last = nullptr; // valid if there is a first
  };
  using slot_lists = std::array<list, lanes>;

  static bool is_empty(const slot_lists& lists) noexcept;
  timer_entry* pop(unsigned level, unsigned slot, unsigned lane) noexcept;

  std::uint64_t now_ = 0;
  std::size_t size_ = 0;
  unsigned lane_ = 0;                            // the next insert's
  std::array<std::uint64_t, levels> occupied_{}; // one bit for each slot
  std::array<std::array<slot_lists, slots>, levels> lists_{};
};

} // namespace weir::detail
