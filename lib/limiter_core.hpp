// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/frame_cache.hpp>
#include <weir/detail/limiter_node.hpp>
#include <weir/detail/sync.hpp>
#include <weir/limiter.hpp>

#include "limiter_state.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>

namespace weir::detail {

// What a limiter, its permits and those that wait share: the rules and their
// lock. Alive while the limiter is, and after that while anything is in use.
//
// For any room: put a limiter_node where it stays until it is settled or
// withdrawn, and owe release(weight) for each grant.
//
// Thread safety: any thread; no member completes, resumes or destroys anything
// with the lock held.
class limiter_core final {
public:
  using answer = limiter_state::answer;

  static void* operator new(std::size_t size) { return cache_allocate(size); }
  static void operator delete(void* p, std::size_t size) noexcept {
    cache_deallocate(p, size);
  }

  explicit limiter_core(std::size_t capacity) noexcept
      : capacity_(capacity), state_(capacity) {}
  limiter_core(const limiter_core&) = delete;
  limiter_core& operator=(const limiter_core&) = delete;

  // The limiter is destroyed. Terminates if somebody waits, unless a stopped
  // runtime destroys it.
  void handle_gone() noexcept;

  // granted or refused at once; queued: `n` is settled later, and may be gone
  // already when this returns.
  answer acquire(limiter_node& n) noexcept {
    std::lock_guard held(lock_);
    return state_.acquire(n);
  }
  // Only if nobody waits.
  bool try_acquire(std::size_t weight) noexcept {
    std::lock_guard held(lock_);
    return state_.try_acquire(weight);
  }
  // Gives back what was granted. *this may be gone afterwards.
  void release(std::size_t weight) noexcept {
    limiter_queue granted;
    lock_.lock();
    state_.release(weight, granted);
    const bool unused = orphaned_ && state_.in_use() == 0;
    lock_.unlock();
    if (unused)
      delete this;
    settle(granted, true);
  }
  // True: `n` is not queued any more and is not settled. False: it was granted
  // or refused, and is settled on some thread, now or soon.
  bool withdraw(limiter_node& n) noexcept;
  // The same for a room that holds a lock of its own: those in `granted` are to
  // be told, by settle(), when it holds none. The limiter must be alive.
  void release(std::size_t weight, limiter_queue& granted) noexcept;
  bool withdraw(limiter_node& n, limiter_queue& granted) noexcept;
  // Tells everybody in `woken`. No lock held.
  static void settle(limiter_queue& woken, bool granted) noexcept {
    while (limiter_node* const n = woken.pop_front())
      n->settle(*n, granted); // *n may be gone.
  }

  void set_capacity(std::size_t capacity) noexcept;

  // Throws std::invalid_argument, in the name of `who`, for a weight that is 0
  // or can never be granted.
  void require_weight(std::size_t weight, const char* who) const {
    if (weight == 0 || weight > capacity()) [[unlikely]]
      refuse_weight(weight, who);
  }

  std::size_t capacity() const noexcept {
    // relaxed: a number, nothing more.
    return capacity_.load(std::memory_order_relaxed);
  }
  std::size_t in_use() const noexcept;
  std::size_t available() const noexcept;
  std::size_t waiting() const noexcept;

private:
  ~limiter_core() = default;
  [[noreturn]] void refuse_weight(std::size_t weight, const char* who) const;

  mutable spin_lock lock_;
  bool orphaned_ = false;             // under lock_: the limiter is gone
  std::atomic<std::size_t> capacity_; // set under lock_; read by the checks
  limiter_state state_;               // under lock_
};

// A limiter's core.
struct limiter_access {
  static limiter_core& core(limiter& l) noexcept { return *l.core_; }
};

} // namespace weir::detail
