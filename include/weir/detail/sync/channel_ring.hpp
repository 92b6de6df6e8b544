// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weir::detail {

// Moving and destroying such a value calls no code of the user's and copies a
// few bytes: a channel does it with its lock held.
template <typename T>
inline constexpr bool
    moves_under_lock = std::is_trivially_move_constructible_v<T>&&
                           std::is_trivially_destructible_v<T> &&
                       sizeof(T) <= 64;

// Room for a channel's values of such a type, allocated once. Guarded by the
// channel's lock.
template <typename T>
class channel_ring {
  static_assert(moves_under_lock<T>);

public:
  explicit channel_ring(std::size_t capacity)
      : capacity_(capacity), rooms_(make(capacity)) {}
  channel_ring(const channel_ring&) = delete;
  channel_ring& operator=(const channel_ring&) = delete;

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t size() const noexcept { return size_; }
  bool has_value() const noexcept { return size_ != 0; }
  bool has_room() const noexcept { return size_ != capacity_; }
  // No thread moves a value into it now: that is over when push() returns.
  bool is_settled() const noexcept { return true; }

  // Precondition: has_room().
  void push(T&& value) noexcept {
    ::new (static_cast<void*>(rooms_[tail_].bytes)) T(std::move(value));
    tail_ = after(tail_);
    ++size_;
  }
  // Precondition: has_value().
  T pop() noexcept {
    T* const first = std::launder(reinterpret_cast<T*>(rooms_[head_].bytes));
    head_ = after(head_);
    --size_;
    return T(std::move(*first));
  }

private:
  struct room {
    alignas(T) std::byte bytes[sizeof(T)];
  };

  static room* make(std::size_t capacity) {
    if (capacity > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(room))
      throw std::bad_array_new_length();
    return capacity != 0 ? new room[capacity] : nullptr;
  }
  std::size_t after(std::size_t index) const noexcept {
    return index + 1 == capacity_ ? 0 : index + 1;
  }

  const std::size_t capacity_;
  const std::unique_ptr<room[]> rooms_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t size_ = 0;
};

} // namespace weir::detail
