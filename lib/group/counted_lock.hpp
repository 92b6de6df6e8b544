// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "group_core.hpp"

#include <atomic>

namespace weir::detail {

// The group's lock, with the counts in its rules: takes the counting over from
// the fast path, and gives it back, when it can, on the way out.
class group_core::counted_lock {
public:
  explicit counted_lock(const group_core& group) noexcept : group_(group) {
    group_.lock_.lock();
    if (group_.slots_.is_locked())
      return;
    const auto now = group_.slots_.lock();
    // relaxed: a maximum.
    group_.state_.recount(
        now.running, now.started, group_.peak_.load(std::memory_order_relaxed));
  }
  counted_lock(const counted_lock&) = delete;
  counted_lock& operator=(const counted_lock&) = delete;
  ~counted_lock() {
    if (held_)
      unlock();
  }

  void unlock() noexcept {
    held_ = false;
    group_state& state = group_.state_;
    if (state.is_countable())
      (void)group_.slots_.unlock({state.children(), state.counted().spawned},
                                 state.has_joiner(),
                                 state.cap());
    if (group_.permits_ == nullptr) {
      group_.lock_.unlock();
      return;
    }
    limiter_queue told = group_.permits_->take_told();
    group_.lock_.unlock(); // *this may be gone.
    limiter_core::settle(told, true);
  }

private:
  const group_core& group_;
  bool held_ = true;
};

} // namespace weir::detail
