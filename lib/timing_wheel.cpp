// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "timing_wheel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::detail {

namespace {

// timer_entry::place of an armed entry: never 0.
std::uint64_t place_of(unsigned level, unsigned slot) noexcept {
  return (std::uint64_t(1) << 15) | (level << 6) | slot;
}

} // namespace

void timing_wheel::arm(timer_entry& entry, std::uint64_t tick) noexcept {
  entry.tick = std::clamp(tick, now_ + 1, std::max(last_tick, now_ + 1));
  insert(entry);
  ++size_;
}

void timing_wheel::insert(timer_entry& entry) noexcept {
  unsigned level = 0;
  while (level + 1 != levels &&
         (entry.tick >> (level * bits)) - (now_ >> (level * bits)) >= slots)
    ++level;
  const unsigned slot = (entry.tick >> (level * bits)) & (slots - 1);
  entry.place = place_of(level, slot);
  timer_entry*& head = heads_[level][slot];
  entry.next = nullptr;
  if (head != nullptr) {
    entry.prev = head->prev;
    head->prev->next = &entry;
    head->prev = &entry;
  } else {
    entry.prev = &entry;
    head = &entry;
    occupied_[level] |= std::uint64_t(1) << slot;
  }
}

void timing_wheel::remove(timer_entry& entry) noexcept {
  const unsigned level = (entry.place >> 6) & 7;
  const unsigned slot = entry.place & (slots - 1);
  timer_entry*& head = heads_[level][slot];
  if (head != &entry) {
    entry.prev->next = entry.next;
    (entry.next != nullptr ? entry.next : head)->prev = entry.prev;
  } else {
    head = entry.next;
    if (head != nullptr)
      head->prev = entry.prev;
    else
      occupied_[level] &= ~(std::uint64_t(1) << slot);
  }
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
  // From above: of equal ticks the higher level's comes first, for its entries
  // move down to be due at that very tick.
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
      timer_entry* entry = std::exchange(heads_[e.level][e.slot], nullptr);
      occupied_[e.level] &= ~(std::uint64_t(1) << e.slot);
      while (entry != nullptr)
        insert(*std::exchange(entry, entry->next));
      continue;
    }
    for (; most != 0 && heads_[0][e.slot] != nullptr; --most) {
      timer_entry& due = *heads_[0][e.slot];
      if (due.next != nullptr)
        __builtin_prefetch(due.next->next);
      remove(due);
      due.next = nullptr;
      *end = &due;
      end = &due.next;
      --size_;
    }
  }
  if (first == nullptr)
    now_ = std::max(now_, now);
  return first;
}

} // namespace weir::detail
