// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::detail {

// A worker's own ready tasks: a ring that the owner fills and that any worker
// takes from. Positions only grow; position % capacity is the slot.
//
// Source: the run queue of the Go scheduler (runtime/proc.go, runqput,
// runqget, runqgrab).
template <typename Sync, std::uint32_t capacity = 256>
class basic_run_queue {
  static_assert((capacity & (capacity - 1)) == 0);

public:
  // Owner. False: full.
  bool push(ready_item& item) noexcept {
    // acquire: the worker that moved head_ past the slot has read it.
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    // relaxed: only the owner writes tail_.
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head == capacity)
      return false;
    // relaxed: published by tail_.
    slots_[tail % capacity].store(&item, std::memory_order_relaxed);
    // release: publishes the slot and the task behind it.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Owner. The oldest task, or null.
  ready_item* pop() noexcept {
    // acquire: as in push(); a thief's compare-exchange released it.
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      // relaxed: only the owner writes tail_.
      if (head == tail_.load(std::memory_order_relaxed))
        return nullptr;
      // relaxed: the owner wrote the slot itself.
      ready_item* item =
          slots_[head % capacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(
              head,
              head + 1,
              // release: the slot was read. acquire on both: see above.
              std::memory_order_acq_rel,
              std::memory_order_acquire))
        return item;
    }
  }

  // Owner. Takes half of the tasks out, oldest first, chained by ready_next.
  // Null: a thief was faster.
  ready_item* split() noexcept {
    // acquire: as in pop().
    std::uint32_t head = head_.load(std::memory_order_acquire);
    // relaxed: only the owner writes tail_.
    const std::uint32_t half =
        (tail_.load(std::memory_order_relaxed) - head) / 2;
    if (half == 0)
      return nullptr;
    std::array<ready_item*, capacity / 2> taken;
    for (std::uint32_t i = 0; i != half; ++i)
      // relaxed: the owner wrote the slots itself.
      taken[i] = slots_[(head + i) % capacity].load(std::memory_order_relaxed);
    if (!head_.compare_exchange_strong(head,
                                       head + half,
                                       // release: the slots were read.
                                       std::memory_order_acq_rel,
                                       std::memory_order_relaxed))
      return nullptr;
    for (std::uint32_t i = 0; i + 1 != half; ++i)
      taken[i]->ready_next = taken[i + 1];
    taken[half - 1]->ready_next = nullptr;
    return taken[0];
  }

  // Any thread. How many it holds, or held a moment ago.
  std::uint32_t size() const noexcept {
    // relaxed both: a hint. tail_ first, or the difference could be negative
    // for the owner; for others it is clamped.
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    const std::uint32_t held = tail - head_.load(std::memory_order_relaxed);
    return held > capacity ? 0 : held;
  }
  // Any thread. How many were taken out so far, modulo 2^32.
  std::uint32_t taken() const noexcept {
    return head_.load(std::memory_order_relaxed); // a hint
  }

  // Any other worker, whose queue is `mine` and empty. Moves half of the
  // tasks there and returns one of them; null if there are none.
  ready_item* steal_into(basic_run_queue& mine) noexcept {
    // relaxed: `mine` has no other writer than the caller.
    const std::uint32_t to = mine.tail_.load(std::memory_order_relaxed);
    // acquire: as in pop().
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      // acquire: sees the slots, and the tasks behind them.
      const std::uint32_t tail = tail_.load(std::memory_order_acquire);
      std::uint32_t count = tail - head;
      count -= count / 2;
      if (count == 0)
        return nullptr;
      if (count > capacity / 2) { // head and tail were not read together
        head = head_.load(std::memory_order_acquire); // as above
        continue;
      }
      for (std::uint32_t i = 0; i != count; ++i)
        // relaxed: if the owner overwrote a slot meanwhile, head_ has moved
        // and the exchange below fails. The stores are published by tail_.
        mine.slots_[(to + i) % capacity].store(
            slots_[(head + i) % capacity].load(std::memory_order_relaxed),
            std::memory_order_relaxed);
      if (head_.compare_exchange_weak(
              head,
              head + count,
              // release: the slots were read. acquire on failure: try again.
              std::memory_order_acq_rel,
              std::memory_order_acquire)) {
        ready_item* item = mine.slots_[(to + count - 1) % capacity].load(
            std::memory_order_relaxed); // written above
        if (count > 1)
          // release: as in push().
          mine.tail_.store(to + count - 1, std::memory_order_release);
        return item;
      }
    }
  }

  // Any thread; a hint.
  bool looks_empty() const noexcept {
    // acquire: a task that was pushed before the owner took the last one is
    // seen. Beyond that the caller orders, see idle_workers::leave().
    return head_.load(std::memory_order_acquire) ==
           tail_.load(std::memory_order_relaxed);
  }

private:
  // On lines of their own: thieves write head_, the owner writes tail_.
  alignas(64) typename Sync::template atomic<std::uint32_t> head_{0};
  alignas(64) typename Sync::template atomic<std::uint32_t> tail_{0};
  std::array<typename Sync::template atomic<ready_item*>, capacity> slots_{};
};

using run_queue = basic_run_queue<std_sync>;

} // namespace weir::detail
