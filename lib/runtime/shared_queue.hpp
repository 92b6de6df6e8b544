// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>

#include <atomic>
#include <mutex>

namespace weir::detail {

// Ready tasks in no worker's queue: pushed by other threads, or what a full
// ring had no room for. First in, first out, by chains, which are linked by
// ready_next.
//
// Any thread. `Sync` as in sync.hpp.
template <typename Sync>
class basic_shared_queue final {
public:
  basic_shared_queue() noexcept {}
  basic_shared_queue(const basic_shared_queue&) = delete;
  basic_shared_queue& operator=(const basic_shared_queue&) = delete;

  void push(ready_item& chain) noexcept {
    chain.chain_next = nullptr;
    std::lock_guard held(lock_);
    if (last_ != nullptr)
      last_->chain_next = &chain;
    else
      first_ = &chain;
    last_ = &chain;
    // relaxed: a hint; the queue itself is under the lock.
    is_filled_.store(true, std::memory_order_relaxed);
  }

  // The oldest chain, or null.
  ready_item* pop() noexcept {
    // relaxed: a hint, the queue is looked at under the lock.
    return is_filled_.load(std::memory_order_relaxed) ? pop_locked() : nullptr;
  }

  // A thread that sees it empty sees what the worker that took the last chain
  // had put into its own queue by then.
  bool looks_empty() const noexcept {
    // acquire: pairs with pop_locked().
    return !is_filled_.load(std::memory_order_acquire);
  }

private:
  ready_item* pop_locked() noexcept {
    std::lock_guard held(lock_);
    ready_item* const chain = first_;
    if (chain == nullptr)
      return nullptr;
    first_ = chain->chain_next;
    if (first_ == nullptr) {
      last_ = nullptr;
      // release: pairs with looks_empty().
      is_filled_.store(false, std::memory_order_release);
    }
    return chain;
  }

  template <typename T>
  using atomic = typename Sync::template atomic<T>;

  alignas(64) basic_spin_lock<Sync> lock_;
  ready_item* first_ = nullptr;   // chains; under lock_
  ready_item* last_ = nullptr;    // under lock_
  atomic<bool> is_filled_{false}; // written under lock_
};

using shared_queue = basic_shared_queue<sync>;

} // namespace weir::detail
