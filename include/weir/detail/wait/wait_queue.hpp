// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

namespace weir::detail {

// Waiters in the order in which they came; intrusive, not synchronised. A Node
// has members `prev` and `next`, and is in one queue at a time.
template <typename Node>
class wait_queue {
public:
  bool empty() const noexcept { return first_ == nullptr; }
  Node* first() const noexcept { return first_; }

  void push_back(Node& n) noexcept {
    n.prev = last_;
    n.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &n;
    last_ = &n;
  }

  void push_front(Node& n) noexcept {
    n.prev = nullptr;
    n.next = first_;
    (first_ != nullptr ? first_->prev : last_) = &n;
    first_ = &n;
  }

  void erase(Node& n) noexcept {
    (n.prev != nullptr ? n.prev->next : first_) = n.next;
    (n.next != nullptr ? n.next->prev : last_) = n.prev;
    n.prev = n.next = nullptr;
  }

  Node* pop_front() noexcept {
    Node* n = first_;
    if (n != nullptr)
      erase(*n);
    return n;
  }

private:
  Node* first_ = nullptr;
  Node* last_ = nullptr;
};

} // namespace weir::detail
