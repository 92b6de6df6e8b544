// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_core.hpp"
#include "group_lock.hpp"

#include <boost/asio/error.hpp>

#include <mutex>

// How a group comes to rest: idle, asked to stop, shut down; and how it begins
// anew.

namespace weir::detail {

bool group_core::wait(resting_waiter& w, group_waiter::kind what) noexcept {
  rules_lock held(*this);
  if (what == group_waiter::kind::stopper)
    return state_.wait_stop(w);
  if (state_.wait_idle(w))
    return true;
  lend_permits(w);
  return false;
}

void group_core::request_stop() noexcept {
  rules_lock held(*this);
  request_stop_locked(held);
}

// Enters with the lock held, leaves without.
void group_core::request_stop_locked(rules_lock& held) noexcept {
  group_queue woken;
  state_.request_stop(woken);
  // release: what the caller did before is seen by a child that asks.
  stopping_.store(true, std::memory_order_release);
  held.unlock();
  complete(woken); // *this may be gone.
}

void group_core::shutdown(clock::duration drain,
                          clock::duration soft) noexcept {
  std::uint32_t plan = 0;
  {
    rules_lock held(*this);
    state_.close();
    if (state_.is_joined() || state_.is_cancelled())
      return;
    plan = ++plan_;
    soft_ = soft;
    // What was begun is not taken back.
    if (stage_ == stage::softly)
      drain = soft;
    else
      stage_ = stage::draining;
  }
  if (drain > clock::duration::zero())
    stages_.set(deadline_after(drain), plan);
  else
    next_stage(plan);
}

// The time of the current stage is over.
void group_core::next_stage(std::uint32_t plan) noexcept {
  rules_lock held(*this);
  if (plan != plan_ || state_.is_joined())
    return;
  if (stage_ == stage::softly || soft_ <= clock::duration::zero()) {
    cancel_locked(held, group_state::cause::deadline, asio::error::timed_out);
    return;
  }
  stage_ = stage::softly;
  const clock::duration soft = soft_;
  // The last child may end, and the joiner destroy the group.
  add_ref();
  request_stop_locked(held);
  stages_.set(deadline_after(soft), plan);
  release();
}

bool group_core::reopen() noexcept {
  error_record old(0); // destroyed without the lock
  std::exception_ptr told;
  {
    rules_lock held(*this);
    if (!state_.is_joined())
      return false;
    state_.reopen();
    errors_.reset(old);
    told.swap(told_);
    // relaxed: seen by tell_children() under the locks of the lists, by all
    // others under lock_.
    generation_.store(generation() + 1, std::memory_order_relaxed);
    for (child_list& list : children_) {
      std::lock_guard list_held(list.lock);
      list.is_told = false;
    }
    ++plan_;
    stage_ = stage::none;
    reason_ = {};
    // relaxed: published by the rules, with all else.
    peak_.store(0, std::memory_order_relaxed);
    stopping_.store(false, std::memory_order_relaxed);
    cancelled_.store(false, std::memory_order_relaxed);
    // begin_end() sets the flag before it cancels: it, or this, comes second.
    if (runtime_.is_stopped())
      cancel_locked(
          held, group_state::cause::outside, asio::error::operation_aborted);
  }
  deadline_.clear();
  stages_.clear();
  return true;
}

} // namespace weir::detail
