// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>

#include <atomic>
#include <mutex>

namespace weir::detail {

// What the workers' deques had no room for: chains of at least two ready tasks,
// oldest first, linked by ready_next. A worker without other work takes the
// newest chain, as from its deque; one that searches, the oldest.
//
// The first task of a chain links to the next older chain, the second one to
// the next newer: so the tasks need no other members.
//
// Any thread. `Sync` as in sync.hpp.
template <typename Sync>
class basic_surplus_stack final {
public:
  basic_surplus_stack() noexcept {}
  basic_surplus_stack(const basic_surplus_stack&) = delete;
  basic_surplus_stack& operator=(const basic_surplus_stack&) = delete;

  void push_newest(ready_item& chain) noexcept {
    std::lock_guard held(lock_);
    older(chain) = newest_;
    newer(chain) = nullptr;
    (newest_ != nullptr ? newer(*newest_) : oldest_) = &chain;
    newest_ = &chain;
    is_filled_.store(true, std::memory_order_relaxed); // a hint
  }
  void push_oldest(ready_item& chain) noexcept {
    std::lock_guard held(lock_);
    newer(chain) = oldest_;
    older(chain) = nullptr;
    (oldest_ != nullptr ? older(*oldest_) : newest_) = &chain;
    oldest_ = &chain;
    is_filled_.store(true, std::memory_order_relaxed); // a hint
  }

  // Null: there is none.
  ready_item* pop_newest() noexcept {
    if (!looks_filled())
      return nullptr;
    std::lock_guard held(lock_);
    ready_item* const chain = newest_;
    if (chain == nullptr)
      return nullptr;
    newest_ = older(*chain);
    if (newest_ != nullptr)
      newer(*newest_) = nullptr;
    else
      became_empty();
    return chain;
  }
  ready_item* pop_oldest() noexcept {
    if (!looks_filled())
      return nullptr;
    std::lock_guard held(lock_);
    ready_item* const chain = oldest_;
    if (chain == nullptr)
      return nullptr;
    oldest_ = newer(*chain);
    if (oldest_ != nullptr)
      older(*oldest_) = nullptr;
    else
      became_empty();
    return chain;
  }

  // A thread that sees it empty sees what the worker that took the last chain
  // had put into its own queue by then.
  bool looks_empty() const noexcept {
    // acquire: pairs with became_empty().
    return !is_filled_.load(std::memory_order_acquire);
  }

private:
  bool looks_filled() const noexcept {
    // relaxed: a hint, the chains are looked at under the lock.
    return is_filled_.load(std::memory_order_relaxed);
  }
  void became_empty() noexcept {
    newest_ = oldest_ = nullptr;
    // release: pairs with looks_empty().
    is_filled_.store(false, std::memory_order_release);
  }
  static ready_item*& older(ready_item& chain) noexcept {
    return chain.chain_next;
  }
  static ready_item*& newer(ready_item& chain) noexcept {
    return chain.ready_next->chain_next;
  }

  alignas(64) basic_spin_lock<Sync> lock_;
  ready_item* newest_ = nullptr; // under lock_
  ready_item* oldest_ = nullptr; // under lock_
  // Written under lock_.
  typename Sync::template atomic<bool> is_filled_{false};
};

using surplus_stack = basic_surplus_stack<sync>;

} // namespace weir::detail
