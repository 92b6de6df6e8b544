// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <utility>

namespace weir::detail {

// Room for one value of a channel. The thread that has reserved it, or has
// taken it out, owns it: it moves the value without a lock, for moving is the
// user's code.
template <typename T>
class channel_node {
public:
  void fill(T&& value) noexcept {
    ::new (static_cast<void*>(room_)) T(std::move(value));
  }
  T take() noexcept {
    const destroyed_after guard{*this};
    return T(std::move(value()));
  }
  void destroy() noexcept { value().~T(); }

  channel_node* next = nullptr; // the list's, under the channel's lock

private:
  struct destroyed_after {
    channel_node& node;
    ~destroyed_after() { node.destroy(); }
  };

  T& value() noexcept { return *std::launder(reinterpret_cast<T*>(room_)); }

  alignas(T) std::byte room_[sizeof(T)];
};

// All nodes of a channel, allocated once. Guarded by the channel's lock. A node
// is free, being filled, full or being emptied:
//
//   free -> reserve() -> being filled -> publish() -> full -> pop()
//     -> being emptied -> release() -> free
//
// Full ones are a queue, in the order in which they were published. In that of
// reserve(), a value that was sent would be hidden behind one whose move is not
// finished.
template <typename T>
class channel_nodes {
public:
  using node = channel_node<T>;

  explicit channel_nodes(std::size_t capacity)
      : capacity_(capacity), all_(make(capacity)) {
    for (std::size_t i = capacity; i-- != 0;)
      set_free(all_[i]);
  }
  channel_nodes(const channel_nodes&) = delete;
  channel_nodes& operator=(const channel_nodes&) = delete;
  // No other thread uses it any more.
  ~channel_nodes() {
    while (has_value())
      pop().destroy();
  }

  std::size_t capacity() const noexcept { return capacity_; }
  // Those that are not free.
  std::size_t size() const noexcept { return used_; }
  bool has_value() const noexcept { return first_ != nullptr; }
  bool has_room() const noexcept { return free_ != nullptr; }
  // None is being filled.
  bool is_settled() const noexcept { return filling_ == 0; }

  // Precondition: has_room(). The node must be filled and published.
  node& reserve() noexcept {
    node& n = *free_;
    free_ = n.next;
    ++used_;
    ++filling_;
    return n;
  }
  void publish(node& n) noexcept {
    n.next = nullptr;
    (first_ != nullptr ? last_->next : first_) = &n;
    last_ = &n;
    --filling_;
  }
  // Precondition: has_value(). The node must be emptied and released.
  node& pop() noexcept {
    node& n = *first_;
    first_ = n.next;
    return n;
  }
  void release(node& n) noexcept {
    --used_;
    set_free(n);
  }

private:
  void set_free(node& n) noexcept {
    n.next = free_;
    free_ = &n;
  }
  static node* make(std::size_t capacity) {
    if (capacity > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(node))
      throw std::bad_array_new_length();
    return capacity != 0 ? new node[capacity] : nullptr;
  }

  const std::size_t capacity_;
  const std::unique_ptr<node[]> all_;
  node* free_ = nullptr;
  node* first_ = nullptr; // full
  node* last_ = nullptr;  // full; means nothing while first_ is null
  std::size_t used_ = 0;
  std::size_t filling_ = 0;
};

} // namespace weir::detail
