// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <cstdint>

namespace weir::detail {

struct strand_item_kind;

// Work for the holder of a strand. Intrusive: it is a part of the object that
// submits it. It must stay alive until it is run, once.
struct strand_item {
  // drop: the task ends with its runtime, or its control block is destroyed.
  // Free what the item owns, do nothing else.
  enum class how : bool { run, drop };

  explicit strand_item(const strand_item_kind& k) noexcept : of_kind(&k) {}
  void run(how h) noexcept;

  const strand_item_kind* of_kind;
  strand_item* next = nullptr;
};

// A kind of item: a constant for each type. Many items wait at once, so each
// has one pointer for all that its type can do.
struct strand_item_kind {
  void (*run)(strand_item&, strand_item::how) noexcept;
};

inline void strand_item::run(how h) noexcept { of_kind->run(*this, h); }

// Serialises one task. One word with three kinds of value:
//
//   idle            no thread runs the task
//   held            a thread runs it, no item waits
//   item address    a thread runs it, and a stack of items waits
//
// idle -> held (acquire, push_or_acquire), held/items -> items (push),
// items -> held (take), held -> idle (try_release). The holder runs all items
// before it releases the strand; no thread ever waits for a strand.
template <typename Sync>
class basic_strand {
public:
  // Born held: a new task belongs to the ready queue.
  basic_strand() = default;
  basic_strand(const basic_strand&) = delete;
  basic_strand& operator=(const basic_strand&) = delete;

  // Any thread. True: the caller holds the strand now.
  bool try_acquire() noexcept {
    std::uintptr_t expected = idle;
    return word_.compare_exchange_strong(
        expected,
        held,
        // acquire: sees what the last holder did to the task.
        std::memory_order_acquire,
        // relaxed: on failure the caller touches nothing.
        std::memory_order_relaxed);
  }

  // Any thread. True: the caller holds the strand now and `item` was not
  // queued. False: the holder will run `item`, which may already be destroyed.
  bool push_or_acquire(strand_item& item) noexcept {
    // relaxed: the exchange below orders.
    std::uintptr_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      std::uintptr_t wanted = held;
      if (seen != idle) {
        item.next = pointer(seen);
        wanted = reinterpret_cast<std::uintptr_t>(&item);
      }
      if (word_.compare_exchange_weak(
              seen,
              wanted,
              // acquire: as in try_acquire. release: publishes the item.
              std::memory_order_acq_rel,
              // relaxed: only to try again.
              std::memory_order_relaxed))
        return seen == idle;
    }
  }

  // Holder only. Queues `item` behind what waits.
  void push_as_holder(strand_item& item) noexcept {
    (void)push_or_acquire(item); // Cannot be idle: we hold it.
  }

  // Holder only. The waiting items, oldest first; null when there are none.
  strand_item* take() noexcept {
    // relaxed: the exchange below orders.
    if (word_.load(std::memory_order_relaxed) == held)
      return nullptr;
    // acquire: sees the items' contents. relaxed store: we keep the strand.
    strand_item* newest =
        pointer(word_.exchange(held, std::memory_order_acquire));
    strand_item* oldest = nullptr;
    while (newest != nullptr) {
      strand_item* older = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

  // Holder only. False: items wait, the caller still holds the strand. True:
  // released, the task may be destroyed.
  bool try_release() noexcept {
    std::uintptr_t expected = held;
    return word_.compare_exchange_strong(
        expected,
        idle,
        // release: publishes what this holder did to the task.
        std::memory_order_release,
        // relaxed: take() acquires.
        std::memory_order_relaxed);
  }

private:
  static constexpr std::uintptr_t idle = 0;
  static constexpr std::uintptr_t held = 1;

  static strand_item* pointer(std::uintptr_t word) noexcept {
    return word == held ? nullptr : reinterpret_cast<strand_item*>(word);
  }

  typename Sync::template atomic<std::uintptr_t> word_{held};
};

using strand = basic_strand<sync>;

} // namespace weir::detail
