// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::detail {

// What the tasks of a worker have made ready: the worker pushes and pops at the
// new end, so that a tree of tasks is run depth first, and other workers take
// from the old end, where the largest parts of such a tree are.
//
// Positions only grow; position % capacity is the slot.
//
// Source: Chase and Lev, "Dynamic circular work-stealing deque", 2005; the
// memory orders are those of Le, Pop, Cohen and Zappa Nardelli, "Correct and
// efficient work-stealing for weak memory models", 2013.
template <typename Sync, std::uint32_t capacity = 256>
class basic_work_deque {
  static_assert((capacity & (capacity - 1)) == 0);

public:
  // Owner. False: full.
  bool push(ready_item& item) noexcept {
    // relaxed: only the owner writes bottom_.
    const std::uint32_t bottom = bottom_.load(std::memory_order_relaxed);
    // acquire: the worker that moved top_ past the slot has read it.
    if (bottom - top_.load(std::memory_order_acquire) == capacity)
      return false;
    put(bottom, item);
    // release: publishes the slot and the task behind it.
    bottom_.store(bottom + 1, std::memory_order_release);
    return true;
  }

  // Owner. The newest task, or null. `alone`: no other worker exists.
  ready_item* pop(bool alone) noexcept {
    // relaxed: as in push().
    const std::uint32_t bottom = bottom_.load(std::memory_order_relaxed);
    // relaxed: top_ never passes bottom_, and only the owner adds tasks.
    if (top_.load(std::memory_order_relaxed) == bottom)
      return nullptr;
    const std::uint32_t last = bottom - 1;
    if (alone) {
      bottom_.store(last,
                    std::memory_order_relaxed); // no other worker reads it
      return get(last);
    }
    // release: a thief that sees this one, and not the store of a push before
    // it, sees the tasks below. The fence orders it before the load of top_: a
    // thief that takes `last` without having seen it is seen by that load.
    bottom_.store(last, std::memory_order_release);
    Sync::fence_seq_cst();
    std::uint32_t top = top_.load(std::memory_order_relaxed); // as above
    if (precedes(top, last))
      return get(last);
    ready_item* item = nullptr;
    // The last one: a thief may be about to take it.
    if (top == last && top_.compare_exchange_strong(
                           top,
                           top + 1,
                           // seq_cst: in one order with the fences of thieves.
                           std::memory_order_seq_cst,
                           std::memory_order_relaxed))
      item = get(last);
    // relaxed: nothing is published; empty now.
    bottom_.store(bottom, std::memory_order_relaxed);
    return item;
  }

  // Owner. Puts `item` below the `count` newest tasks, or below as many as
  // there are. False: a thief was too near, or it is full.
  bool push_below(ready_item& item, std::uint32_t count) noexcept {
    // relaxed, acquire: as in push().
    const std::uint32_t bottom = bottom_.load(std::memory_order_relaxed);
    const std::uint32_t held = bottom - top_.load(std::memory_order_acquire);
    if (held == capacity)
      return false;
    if (count > held)
      count = held;
    if (count == 0)
      return push(item);
    const std::uint32_t place = bottom - count;
    // release: as in pop(). Withdraws the tasks, so that no thief takes them
    // meanwhile.
    bottom_.store(place, std::memory_order_release);
    Sync::fence_seq_cst();
    std::uint32_t top = top_.load(std::memory_order_relaxed); // as in pop()
    std::uint32_t shift = 1;
    if (!precedes(top, place)) {
      // A thief may be about to take the oldest of them, as in pop(). Then they
      // move by one more.
      if (top != place ||
          !top_.compare_exchange_strong(top,
                                        top + 1,
                                        // seq_cst: as in pop().
                                        std::memory_order_seq_cst,
                                        std::memory_order_relaxed)) {
        // release: to a thief that has not seen them withdrawn.
        bottom_.store(bottom, std::memory_order_release);
        return false;
      }
      shift = 2;
    }
    for (std::uint32_t i = bottom; i != place; --i)
      put(i - 1 + shift, *get(i - 1));
    put(place - 1 + shift, item);
    // release: publishes the slots.
    bottom_.store(bottom + shift, std::memory_order_release);
    return true;
  }

  // Any worker. The oldest task; null if there is none, or another worker was
  // faster.
  ready_item* steal() noexcept {
    // acquire: sees the slot that the last thief left.
    std::uint32_t top = top_.load(std::memory_order_acquire);
    Sync::fence_seq_cst(); // see pop()
    // acquire: sees the slot, and the task behind it.
    const std::uint32_t bottom = bottom_.load(std::memory_order_acquire);
    if (!precedes(top, bottom))
      return nullptr;
    // Before the exchange: after it the owner may use the slot again.
    ready_item* const item = get(top);
    return top_.compare_exchange_strong(top,
                                        top + 1,
                                        // seq_cst: as in pop().
                                        std::memory_order_seq_cst,
                                        std::memory_order_relaxed)
               ? item
               : nullptr;
  }

  // Owner. Takes about half of the tasks out, oldest first, chained by
  // ready_next; null if thieves have taken them.
  ready_item* split() noexcept {
    ready_item* first = nullptr;
    ready_item** link = &first;
    for (std::uint32_t i = size() / 2; i != 0; --i)
      if (ready_item* const item = steal()) {
        *link = item;
        link = &item->ready_next;
      }
    *link = nullptr;
    return first;
  }

  // Any thread. How many it holds, or held a moment ago.
  std::uint32_t size() const noexcept {
    // relaxed both: a hint; a difference that is impossible is no task.
    const std::uint32_t bottom = bottom_.load(std::memory_order_relaxed);
    const std::uint32_t held = bottom - top_.load(std::memory_order_relaxed);
    return held > capacity ? 0 : held;
  }
  // Any thread. Which task is the oldest, by its position.
  std::uint32_t oldest() const noexcept {
    return top_.load(std::memory_order_relaxed); // a hint
  }

  // Any thread; a hint.
  bool looks_empty() const noexcept {
    // acquire: sees what its worker had put into its queue before it took the
    // last task from here. Beyond that the caller orders, see
    // idle_workers::leave().
    const std::uint32_t bottom = bottom_.load(std::memory_order_acquire);
    const std::uint32_t held = bottom - top_.load(std::memory_order_relaxed);
    return held == 0 || held > capacity;
  }

private:
  // Positions that wrap around.
  static bool precedes(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
  }
  // relaxed: the slots are published by bottom_.
  void put(std::uint32_t position, ready_item& item) noexcept {
    slots_[position % capacity].store(&item, std::memory_order_relaxed);
  }
  ready_item* get(std::uint32_t position) const noexcept {
    return slots_[position % capacity].load(std::memory_order_relaxed);
  }

  // On lines of their own: thieves write top_, the owner writes bottom_.
  alignas(64) typename Sync::template atomic<std::uint32_t> top_{0};
  alignas(64) typename Sync::template atomic<std::uint32_t> bottom_{0};
  std::array<typename Sync::template atomic<ready_item*>, capacity> slots_{};
};

using work_deque = basic_work_deque<std_sync>;

} // namespace weir::detail
