// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/sync/limiter_node.hpp>
#include <weir/detail/wait/wait_queue.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::detail {

using limiter_queue = wait_queue<limiter_node>;

// The rules of a limiter. Not synchronised; knows neither tasks nor threads.
// The caller holds the limiter's lock, and settles the nodes that a call leaves
// in `granted` and `refused` after it has released the lock.
//
// Each node in the queue fits into the capacity, and the first does not fit
// into what is free.
class limiter_state {
public:
  enum class answer : std::uint8_t {
    granted, // counted as in use
    queued,
    refused, // more than the capacity
  };

  // Precondition: capacity is at least 1.
  explicit limiter_state(std::size_t capacity) noexcept : capacity_(capacity) {}

  answer acquire(limiter_node& n) noexcept {
    if (try_acquire(n.weight))
      return answer::granted;
    if (n.weight > capacity_)
      return answer::refused;
    n.queued = true;
    queue_.push_back(n);
    ++waiting_;
    return answer::queued;
  }

  bool try_acquire(std::size_t weight) noexcept {
    if (!queue_.empty() || weight > available())
      return false;
    in_use_ += weight;
    return true;
  }

  // Precondition: that much is in use.
  void release(std::size_t weight, limiter_queue& granted) noexcept {
    in_use_ -= weight;
    serve(granted);
  }

  // Takes out a queued node. False: it was taken out before, and is settled.
  bool withdraw(limiter_node& n, limiter_queue& granted) noexcept {
    if (!n.queued)
      return false;
    remove(n);
    serve(granted); // It may have blocked those behind it.
    return true;
  }

  // Precondition: capacity is at least 1.
  void set_capacity(std::size_t capacity,
                    limiter_queue& granted,
                    limiter_queue& refused) noexcept {
    const bool lowered = capacity < capacity_;
    capacity_ = capacity;
    limiter_node* n = lowered ? queue_.first() : nullptr;
    while (n != nullptr) {
      limiter_node* const next = n->next;
      if (n->weight > capacity_) {
        remove(*n);
        refused.push_back(*n);
      }
      n = next;
    }
    serve(granted);
  }

  // There are no waiters, and no more is in use than the capacity: the number
  // of available permits is the whole state, until recount() sets it.
  bool is_countable() const noexcept {
    return queue_.empty() && in_use_ <= capacity_;
  }
  void recount(std::size_t free) noexcept { in_use_ = capacity_ - free; }

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t in_use() const noexcept { return in_use_; }
  std::size_t available() const noexcept {
    return in_use_ < capacity_ ? capacity_ - in_use_ : 0;
  }
  std::size_t waiting() const noexcept { return waiting_; }

private:
  void remove(limiter_node& n) noexcept {
    queue_.erase(n);
    n.queued = false;
    --waiting_;
  }
  void serve(limiter_queue& granted) noexcept {
    for (limiter_node* n; (n = queue_.first()) && n->weight <= available();) {
      remove(*n);
      in_use_ += n->weight;
      granted.push_back(*n);
    }
  }

  std::size_t capacity_;
  std::size_t in_use_ = 0;
  std::size_t waiting_ = 0;
  limiter_queue queue_;
};

} // namespace weir::detail
