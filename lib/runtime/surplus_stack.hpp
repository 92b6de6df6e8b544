// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>

#include <array>
#include <atomic>
#include <cstdint>
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

  enum end : std::uint8_t { oldest, newest };

  void push(end at, ready_item& chain) noexcept {
    std::lock_guard held(lock_);
    ready_item*& last = ends_[at];
    beyond(chain, at) = nullptr;
    beyond(chain, other(at)) = last;
    (last != nullptr ? beyond(*last, at) : ends_[other(at)]) = &chain;
    last = &chain;
    is_filled_.store(true, std::memory_order_relaxed); // a hint
  }

  // Null: there is none.
  ready_item* pop(end at) noexcept {
    // relaxed: a hint, the chains are looked at under the lock.
    if (!is_filled_.load(std::memory_order_relaxed))
      return nullptr;
    std::lock_guard held(lock_);
    ready_item*& last = ends_[at];
    ready_item* const chain = last;
    if (chain == nullptr)
      return nullptr;
    last = beyond(*chain, other(at));
    if (last != nullptr) {
      beyond(*last, at) = nullptr;
    } else {
      ends_[other(at)] = nullptr;
      // release: pairs with looks_empty().
      is_filled_.store(false, std::memory_order_release);
    }
    return chain;
  }

  // A thread that sees it empty sees what the worker that took the last chain
  // had put into its own queue by then.
  bool looks_empty() const noexcept {
    // acquire: pairs with pop().
    return !is_filled_.load(std::memory_order_acquire);
  }

private:
  static end other(end at) noexcept { return at == oldest ? newest : oldest; }
  // The next chain in the direction of that end.
  static ready_item*& beyond(ready_item& chain, end at) noexcept {
    return at == oldest ? chain.chain_next : chain.ready_next->chain_next;
  }

  alignas(64) basic_spin_lock<Sync> lock_;
  std::array<ready_item*, 2> ends_{}; // under lock_
  // Written under lock_.
  typename Sync::template atomic<bool> is_filled_{false};
};

using surplus_stack = basic_surplus_stack<sync>;

} // namespace weir::detail
