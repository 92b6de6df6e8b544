// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/sync/limiter_node.hpp>
#include <weir/limiter.hpp>

#include "guarded_limiter.hpp"

#include <atomic>
#include <cstddef>

namespace weir::detail {

// What a limiter, its permits and its waiters share. Alive while the limiter
// is, and after that while permits are in use or a group uses it.
//
// For any caller: keep a limiter_node alive until it is settled or withdrawn,
// and call release(weight) once for each grant.
//
// Thread safety: any thread; no member completes, resumes or destroys anything
// with the lock held.
class limiter_core final : public cached<limiter_core> {
public:
  using answer = limiter_state::answer;

  explicit limiter_core(std::size_t capacity) noexcept
      : rules_(capacity), capacity_(capacity) {}
  limiter_core(const limiter_core&) = delete;
  limiter_core& operator=(const limiter_core&) = delete;

  // The limiter is destroyed. Terminates if there are waiters, unless the end
  // of a runtime destroys the frame that contained the limiter.
  void handle_gone() noexcept;

  // A group uses the limiter from now on, until remove_group(): then *this may
  // be destroyed.
  void add_group() noexcept { lock(rules_).add_owner(); }
  void remove_group() noexcept { remove_owner(); }

  // granted or refused at once; queued: `n` is settled later, and may be
  // destroyed before this returns.
  answer acquire(limiter_node& n) noexcept { return rules_.acquire(n); }
  // Fails if there are waiters.
  bool try_acquire(std::size_t weight) noexcept {
    return rules_.try_acquire(weight);
  }
  // Gives back what was granted. May destroy *this.
  void release(std::size_t weight) noexcept {
    if (!rules_.try_release(weight))
      release_slowly(weight);
  }
  // True: `n` is not queued any more and is not settled. False: it was granted
  // or refused, and is settled on some thread, now or soon.
  bool withdraw(limiter_node& n) noexcept;
  // As release(), for a caller that holds a lock: it must call settle() for the
  // nodes in `granted` when it holds no lock.
  void release(std::size_t weight, limiter_queue& granted) noexcept;
  bool withdraw(limiter_node& n, limiter_queue& granted) noexcept;
  // Settles all nodes in `woken`. No lock held.
  static void settle(limiter_queue& woken, bool granted) noexcept {
    while (limiter_node* const n = woken.pop_front())
      n->settle(*n, granted); // *n may be destroyed.
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
  using guarded = basic_guarded_limiter<sync>;
  using lock = guarded::lock;

  ~limiter_core() = default;
  void remove_owner() noexcept;
  void release_slowly(std::size_t weight) noexcept;
  [[noreturn]] void refuse_weight(std::size_t weight, const char* who) const;

  mutable guarded rules_;
  sync::atomic<std::size_t> capacity_; // set under the lock; read by the checks
};

// A limiter's core.
struct limiter_access {
  static limiter_core& core(limiter& l) noexcept { return *l.core_; }
};

} // namespace weir::detail
