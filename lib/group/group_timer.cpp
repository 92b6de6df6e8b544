// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_timer.hpp"

#include "group_core.hpp"

#include <utility>

namespace weir::detail {

void group_timer::set(clock::time_point at, std::uint32_t ticket) noexcept {
  timer_service& timers = group_.runtime().timers();
  std::lock_guard held(lock_);
  // A caller that is late must not undo what a later setting did. Tickets only
  // grow, modulo 2^32.
  if (retired_ || static_cast<std::int32_t>(ticket - ticket_) < 0)
    return;
  ticket_ = ticket;
  if (armed_) {
    if (!timers.disarm(*this)) {
      then_ = firing::sets_again;
      again_ = at;
      return;
    }
  } else {
    group_.add_ref();
    armed_ = true;
  }
  timers.arm(*this, at);
}

void group_timer::clear() noexcept {
  std::unique_lock held(lock_);
  clear(held);
}

void group_timer::retire() noexcept {
  std::unique_lock held(lock_);
  retired_ = true;
  clear(held);
}

// Called with the lock held, returns without it.
void group_timer::clear(std::unique_lock<sync::mutex>& held) noexcept {
  if (!armed_) {
    held.unlock();
  } else if (group_.runtime().timers().disarm(*this)) {
    armed_ = false;
    held.unlock();
    group_.release(); // *this may be destroyed.
  } else {
    then_ = firing::does_nothing;
    held.unlock();
  }
}

// On a pool thread, no lock held; owns the reference of the armed timer.
void group_timer::on_fire(timer_function& timer) noexcept {
  static_cast<group_timer&>(timer).fire();
}

void group_timer::fire() noexcept {
  std::unique_lock held(lock_);
  const firing then = std::exchange(then_, firing::acts);
  if (then == firing::sets_again) {
    group_.runtime().timers().arm(*this, again_);
    return;
  }
  armed_ = false;
  const std::uint32_t ticket = ticket_;
  held.unlock();
  if (then == firing::acts)
    (group_.*act_)(ticket);
  group_.release(); // *this may be destroyed.
}

} // namespace weir::detail
