// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "timing_wheel.hpp"

#include <algorithm>
#include <bit>

namespace weir::detail {

namespace {

// timer_entry::place of an armed entry: never 0. The slot follows from its
// tick.
std::uint8_t place_of(unsigned level, unsigned lane) noexcept {
  return static_cast<std::uint8_t>(0x80 | (level << 2) | lane);
}

} // namespace

std::uint64_t timing_wheel::arm(timer_entry& entry,
                                std::uint64_t tick) noexcept {
  tick = std::clamp(tick, now_ + 1, std::max(last_tick, now_ + 1));
  entry.tick = tick;
  insert(entry, tick);
  ++size_;
  return tick;
}

// `tick` is the entry's.
void timing_wheel::insert(timer_entry& entry, std::uint64_t tick) noexcept {
  unsigned level = 0;
  while (level + 1 != levels &&
         (tick >> (level * bits)) - (now_ >> (level * bits)) >= slots)
    ++level;
  const unsigned slot = (tick >> (level * bits)) & (slots - 1);
  const unsigned lane = lane_++ % lanes;
  entry.place = place_of(level, lane);
  list& to = lists_[level][slot][lane];
  entry.next = nullptr;
  if (to.first != nullptr) {
    entry.prev = to.last;
    to.last->next = &entry;
  } else {
    to.first = &entry;
    occupied_[level] |= std::uint64_t(1) << slot;
  }
  to.last = &entry;
}

bool timing_wheel::is_empty(const slot_lists& lists) noexcept {
  for (const list& l : lists)
    if (l.first != nullptr)
      return false;
  return true;
}

// The first of a list, or null. Touches no other entry.
timer_entry*
timing_wheel::pop(unsigned level, unsigned slot, unsigned lane) noexcept {
  list& from = lists_[level][slot][lane];
  timer_entry* const entry = from.first;
  if (entry == nullptr)
    return nullptr;
  from.first = entry->next;
  if (from.first != nullptr)
    __builtin_prefetch(from.first);
  else if (is_empty(lists_[level][slot]))
    occupied_[level] &= ~(std::uint64_t(1) << slot);
  entry->place = 0;
  return entry;
}

void timing_wheel::remove(timer_entry& entry) noexcept {
  const unsigned level = (entry.place >> 2) & 7;
  const unsigned slot = (entry.tick >> (level * bits)) & (slots - 1);
  const unsigned lane = entry.place & (lanes - 1);
  list& from = lists_[level][slot][lane];
  if (from.first == &entry) { // Its `prev` is not kept.
    pop(level, slot, lane);
    return;
  }
  entry.prev->next = entry.next;
  if (entry.next != nullptr)
    entry.next->prev = entry.prev;
  else
    from.last = entry.prev;
  entry.place = 0;
}

bool timing_wheel::disarm(timer_entry& entry) noexcept {
  if (entry.place == 0)
    return false;
  remove(entry);
  --size_;
  return true;
}

timing_wheel::event timing_wheel::earliest() const noexcept {
  event first{never, 0, 0};
  // From the highest level: of equal ticks the higher level's comes first,
  // because its entries move down to be due at that very tick.
  for (unsigned level = levels; level-- != 0;) {
    if (occupied_[level] == 0)
      continue;
    const unsigned shift = level * bits;
    const std::uint64_t position = now_ >> shift;
    // The slots in the order in which they come, from this one's on.
    const unsigned ahead = static_cast<unsigned>(std::countr_zero(
        std::rotr(occupied_[level], static_cast<int>(position & (slots - 1)))));
    const std::uint64_t tick = (position + ahead) << shift;
    if (tick < first.tick)
      first = {
          tick, level, static_cast<unsigned>((position + ahead) & (slots - 1))};
  }
  return first;
}

std::uint64_t timing_wheel::next_event() const noexcept {
  return earliest().tick;
}

timer_entry* timing_wheel::advance(std::uint64_t now,
                                   std::size_t most) noexcept {
  timer_entry* first = nullptr;
  timer_entry** end = &first;
  for (event e = earliest(); most != 0 && e.tick <= now; e = earliest()) {
    now_ = e.tick;
    if (e.level != 0) {
      // The slot is reached: its entries move down, the first tick's to the
      // lowest level.
      for (unsigned lane = 0; lane != lanes; ++lane)
        while (timer_entry* const entry = pop(e.level, e.slot, lane))
          insert(*entry, entry->tick);
      continue;
    }
    const slot_lists& lists = lists_[0][e.slot];
    for (unsigned lane = 0; most != 0 && !is_empty(lists); ++lane) {
      timer_entry* const due = pop(0, e.slot, lane % lanes);
      if (due == nullptr)
        continue;
      due->next = nullptr;
      *end = due;
      end = &due->next;
      --size_;
      --most;
    }
  }
  if (first == nullptr)
    now_ = std::max(now_, now);
  return first;
}

} // namespace weir::detail
