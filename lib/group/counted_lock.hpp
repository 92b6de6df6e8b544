// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "group_core.hpp"

#include <atomic>

namespace weir::detail {

// Locks the group and moves the counts from the fast path into the rules. The
// destructor moves them back if it can.
class group_core::counted_lock {
public:
  explicit counted_lock(const group_core& group) noexcept : group_(group) {
    group_.lock_.lock();
    if (group_.slots_.is_locked())
      return;
    const auto now = group_.slots_.lock();
    if (now.was_fresh)
      group_.make_rules();
    group_.rules_->state.recount(
        now.running, now.started, group_.slots_.peak());
    if (now.is_joined)
      group_.rules_->state.take_over_joined();
    else if (now.joiner != nullptr)
      group_.rules_->state.take_over(*now.joiner);
  }
  counted_lock(const counted_lock&) = delete;
  counted_lock& operator=(const counted_lock&) = delete;
  ~counted_lock() {
    if (held_)
      unlock();
  }

  void unlock() noexcept {
    held_ = false;
    group_state& state = group_.rules_->state;
    if (state.is_countable())
      (void)group_.slots_.unlock(
          {.running = state.children(), .started = state.counted().spawned},
          state.has_joiner(),
          state.cap());
    if (group_.permits_ == nullptr) {
      group_.lock_.unlock();
      return;
    }
    limiter_queue granted = group_.permits_->take_granted();
    group_.lock_.unlock(); // *this may be destroyed.
    limiter_core::settle(granted, true);
  }

private:
  const group_core& group_;
  bool held_ = true;
};

} // namespace weir::detail
