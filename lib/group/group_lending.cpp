// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_core.hpp"
#include "group_lock.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

// What children of a group borrow: permits of its limiter, and the slot or the
// permits that a task lends while it waits.

namespace weir::detail {

// Any thread, no lock held.
void group_core::permit_settled(bool granted) noexcept {
  group_queue woken;
  bool gone = false;
  {
    rules_lock held(*this);
    permits_->answered(granted);
    state_.admit_waiting(woken);
    give_back(woken);
    gone = handle_gone_;
  }
  complete(woken); // *this may be gone, unless:
  if (gone)        // The answer's reference.
    release();
}

void group_core::require_weight(std::size_t weight, const char* who) const {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  if (permits_ != nullptr)
    permits_->from().require_weight(weight, who);
  if (weight == 0 || weight > most)
    throw std::invalid_argument(
        std::string(who) + ": weight is " + std::to_string(weight) +
        ", must be at least 1 and at most " + std::to_string(most));
}

// Lock held.
group_state::request group_core::request_of(const spawn_step& step,
                                            const task_core* parent,
                                            bool awaits) const noexcept {
  using lends = group_state::lends;
  group_state::request wanted;
  wanted.weight = static_cast<std::size_t>(step.index) + 1;
  if (parent == nullptr)
    return wanted;
  const bool own = parent->owner() == this && !parent->lends;
  if (permits_ == nullptr) {
    wanted.parent = own ? lends::all : lends::nothing;
    return wanted;
  }
  // One that goes on running keeps what it holds, unless it is a child: those
  // are known to the group when they end.
  if (!own && (!awaits || parent->owner()->limiter() != limiter()))
    return wanted;
  wanted.lent = parent->permits_held();
  if (wanted.lent >= wanted.weight)
    wanted.parent = own ? lends::all : lends::permit;
  return wanted;
}

// --- tasks that wait for the children of a group ---

// Lock held, `w` is queued.
void group_core::lend_permits(resting_waiter& w) noexcept {
  if (permits_ == nullptr || w.self == nullptr ||
      w.self->owner()->limiter() != limiter())
    return;
  w.lent = w.self->take_permits();
  permits_->put_back(w.lent);
}

// Of one that has lent: only groups have a limiter.
group_core& group_core::own_group(const resting_waiter& w) noexcept {
  return static_cast<group_core&>(*w.self->owner());
}

// No lock held. False: it does not wait.
bool group_core::rejoin(resting_waiter& w) noexcept {
  group_core& own = own_group(w);
  group_queue woken;
  {
    rules_lock held(own);
    if (w.gave_up || !own.state_.rejoin(w, w.lent))
      return false;
    w.rejoining = true;
    own.state_.admit_waiting(woken);
    give_back(woken);
  }
  complete(woken); // `own` may be gone: the task has its permits, perhaps.
  return true;
}

// Lock of its own group held.
void group_core::returned(resting_waiter& w) noexcept {
  w.self->add_permits(w.lent);
}

// On the strand of the task, which waits.
bool group_core::give_up_permits(resting_waiter& w) noexcept {
  if (w.self == nullptr || w.self->owner()->limiter() == nullptr)
    return false;
  group_core& own = own_group(w);
  group_queue woken;
  {
    rules_lock held(own);
    w.gave_up = true;
    if (!w.rejoining || !own.state_.withdraw(w, woken))
      return false;
    give_back(woken);
  }
  complete(woken); // `own` may be gone.
  return true;
}

} // namespace weir::detail
