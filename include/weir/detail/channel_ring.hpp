// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "sync.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weir::detail {

// Room for the values of a channel, allocated once. A place is assigned under
// the channel's lock, in order; the value moves into it and out of it without,
// for moving is the user's code. Who is assigned a place that another thread is
// still about to fill or empty waits for that move.
template <typename T>
class channel_ring {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a channel hands its values from thread to thread, where "
                "nobody could catch what their move constructor throws");

public:
  // A place in the order of all values ever sent.
  struct place {
    std::uint64_t turn = 0;
    std::size_t index = 0; // turn modulo capacity
  };

  explicit channel_ring(std::size_t capacity)
      : capacity_(capacity), slots_(make(capacity)) {
    for (std::size_t i = 0; i != capacity; ++i)
      // relaxed: nobody else sees the ring yet.
      slots_[i].state.store(free_for(i), std::memory_order_relaxed);
  }
  channel_ring(const channel_ring&) = delete;
  channel_ring& operator=(const channel_ring&) = delete;
  // No other thread uses it any more.
  ~channel_ring() {
    while (!empty())
      (void)take(pop());
  }

  // --- the channel's lock held ----------------------------------------------

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t size() const noexcept {
    return static_cast<std::size_t>(tail_.turn - head_.turn);
  }
  bool empty() const noexcept { return tail_.turn == head_.turn; }
  bool full() const noexcept { return size() == capacity_; }
  // Precondition: not full. The place must be filled.
  place push() noexcept { return advance(tail_); }
  // Precondition: not empty. The place must be taken.
  place pop() noexcept { return advance(head_); }

  // --- no lock held ---------------------------------------------------------

  void fill(place at, T&& value) noexcept {
    slot& s = slots_[at.index];
    await(s, free_for(at.turn));
    ::new (static_cast<void*>(s.room)) T(std::move(value));
    // release: publishes the value to whoever takes it.
    s.state.store(full_of(at.turn), std::memory_order_release);
    // *this may be gone.
  }

  T take(place at) noexcept {
    slot& s = slots_[at.index];
    await(s, full_of(at.turn));
    T* const value = std::launder(reinterpret_cast<T*>(s.room));
    guard emptied{s, *value, free_for(at.turn + capacity_)};
    return T(std::move(*value));
  }

private:
  // The states of a slot. Distinct also when the capacity is 1 and the next
  // turn is that of the same slot.
  static constexpr std::uint64_t free_for(std::uint64_t turn) noexcept {
    return 2 * turn;
  }
  static constexpr std::uint64_t full_of(std::uint64_t turn) noexcept {
    return 2 * turn + 1;
  }

  struct slot {
    sync::atomic<std::uint64_t> state;
    alignas(T) std::byte room[sizeof(T)];
  };

  struct guard {
    slot& s;
    T& value;
    std::uint64_t next;
    ~guard() {
      value.~T();
      // release: the room is free for whoever fills it next.
      s.state.store(next, std::memory_order_release);
    }
  };

  static slot* make(std::size_t capacity) {
    if (capacity > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(slot))
      throw std::bad_array_new_length();
    return capacity != 0 ? new slot[capacity] : nullptr;
  }

  static void await(const slot& s, std::uint64_t state) noexcept {
    // acquire: sees what the other side did in the room.
    for (unsigned round = 0; s.state.load(std::memory_order_acquire) != state;)
      sync::pause(round++);
  }

  place advance(place& p) noexcept {
    const place now = p;
    ++p.turn;
    if (++p.index == capacity_)
      p.index = 0;
    return now;
  }

  const std::size_t capacity_;
  const std::unique_ptr<slot[]> slots_;
  place head_;
  place tail_;
};

} // namespace weir::detail
