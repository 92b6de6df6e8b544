// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_state.hpp"

#include <algorithm>

namespace weir::detail {

using kind = group_waiter::kind;
using wait_result = group_waiter::wait_result;

namespace {

void grant_all(group_queue& queue, group_queue& woken) noexcept {
  while (group_waiter* w = queue.pop_front()) {
    w->state = wait_result::granted;
    woken.push_back(*w);
  }
}

bool wait_in(group_queue& queue, group_waiter& w, kind role) noexcept {
  w.role = role;
  w.state = wait_result::queued;
  queue.push_back(w);
  return false;
}

} // namespace

void group_state::take_slot() noexcept {
  ++counts_.in_flight;
  counts_.peak = std::max(counts_.peak, counts_.in_flight);
}

std::uint64_t group_state::begin_child() noexcept {
  ++children_;
  return counts_.spawned++;
}

group_state::admission group_state::admit(group_waiter* w,
                                          const request& wanted,
                                          std::uint64_t& index) {
  if (closed_ || joined_) {
    ++counts_.rejected;
    return admission::closed;
  }
  if (is_cancelled()) {
    ++counts_.rejected;
    return admission::cancelled;
  }
  const bool has_slot = counts_.in_flight < cap_;
  if (has_slot && slots_.empty() &&
      (permits_ == nullptr || permits_->try_take(wanted.weight))) {
    take_slot();
    index = begin_child();
    return admission::started;
  }
  if (w == nullptr) {
    ++counts_.rejected;
    return admission::full;
  }
  if (wanted.parent == lends::all ||
      (wanted.parent == lends::permit && has_slot))
    return lend(*w, wanted, index);
  if (counts_.waiting >= max_waiting_) {
    ++counts_.rejected;
    return admission::overloaded;
  }
  w->role = kind::spawner;
  w->state = wait_result::queued;
  w->index = wanted.weight - 1;
  slots_.push_back(*w);
  ++counts_.waiting;
  return admission::queued;
}

// The parent does not run while it waits: it lends its slot, or its permit. It
// is first in the queue, because the child that it waits for may be the only
// one that can end.
group_state::admission group_state::lend(group_waiter& w,
                                         const request& wanted,
                                         std::uint64_t& index) {
  w.role = wanted.parent == lends::all ? kind::lender : kind::permit_lender;
  w.state = wait_result::queued;
  w.index = wanted.lent - 1;
  slots_.push_front(w);
  if (w.role == kind::permit_lender)
    take_slot();
  index = begin_child();
  return admission::lent;
}

void group_state::retract(group_queue& woken) noexcept {
  --counts_.in_flight;
  ++counts_.cancelled; // Its index may not be the last: it stays used.
  --children_;
  admit_waiting(woken);
  finish_if_idle(woken);
}

void group_state::end(ending how,
                      group_waiter* lending,
                      group_queue& woken) noexcept {
  switch (how) {
  case ending::completed:
    ++counts_.completed;
    break;
  case ending::failed:
    ++counts_.failed;
    break;
  case ending::cancelled:
    ++counts_.cancelled;
    break;
  }
  --children_;
  if (lending != nullptr && lending->state == wait_result::queued) {
    slots_.erase(*lending);
    lending->state = wait_result::granted;
    woken.push_back(*lending);
    if (permits_ != nullptr)
      admit_waiting(woken); // Another waiter is the first now.
  } else {
    --counts_.in_flight;
    admit_waiting(woken);
  }
  finish_if_idle(woken);
}

bool group_state::rejoin(group_waiter& w, std::size_t lent) noexcept {
  if (is_cancelled())
    return false;
  w.role = kind::rejoiner;
  w.state = wait_result::queued;
  w.index = lent - 1;
  slots_.push_front(w);
  return true;
}

void group_state::admit_waiting(group_queue& woken) noexcept {
  while (!slots_.empty()) {
    group_waiter& w = *slots_.first();
    const bool wants_slot = w.role == kind::spawner || w.role == kind::lender;
    if (wants_slot && counts_.in_flight >= cap_)
      break;
    auto got = permit_source::answer::taken;
    if (permits_ != nullptr)
      got = permits_->take_first(w.index + 1);
    if (got == permit_source::answer::later)
      return;
    slots_.erase(w);
    woken.push_back(w);
    if (w.role == kind::spawner) {
      --counts_.waiting;
      if (got == permit_source::answer::never) {
        ++counts_.rejected;
        w.state = wait_result::oversized;
        continue;
      }
      w.index = begin_child();
      w.state = wait_result::granted;
    } else {
      // A lender that wants more than the capacity continues without.
      w.state = permits_ != nullptr && got == permit_source::answer::taken
                    ? wait_result::restored
                    : wait_result::granted;
    }
    if (wants_slot)
      take_slot();
  }
  if (permits_ != nullptr)
    permits_->none_wanted();
  finish_if_idle(woken); // The last in the queue may have been refused.
}

void group_state::finish_if_idle(group_queue& woken) noexcept {
  if (!is_at_rest())
    return;
  grant_all(idlers_, woken);
  if (joiners_.empty())
    return;
  grant_all(joiners_, woken);
  set_joined(woken);
}

// No child is left that could be asked to stop.
void group_state::set_joined(group_queue& woken) noexcept {
  joined_ = true;
  grant_all(stoppers_, woken);
}

bool group_state::withdraw(group_waiter& w, group_queue& woken) noexcept {
  // A joiner may have been completed before the rules took over: it is in no
  // queue.
  if (w.state != wait_result::queued ||
      (w.role == kind::joiner && w.prev == nullptr && joiners_.first() != &w))
    return false;
  switch (w.role) {
  case kind::joiner:
    joiners_.erase(w);
    break;
  case kind::idler:
    idlers_.erase(w);
    break;
  case kind::stopper:
    stoppers_.erase(w);
    break;
  case kind::lender:
    slots_.erase(w);
    take_slot();
    break;
  case kind::permit_lender:
  case kind::rejoiner:
    slots_.erase(w);
    break;
  case kind::spawner:
    slots_.erase(w);
    --counts_.waiting;
    ++counts_.rejected;
    break;
  }
  w.state = wait_result::none;
  if (permits_ != nullptr)
    admit_waiting(woken); // It may have blocked those behind it.
  return true;
}

bool group_state::join(group_waiter& w, group_queue& woken) noexcept {
  if (!is_at_rest())
    return wait_in(joiners_, w, kind::joiner);
  set_joined(woken);
  return true;
}

bool group_state::wait_idle(group_waiter& w) noexcept {
  return is_at_rest() || wait_in(idlers_, w, kind::idler);
}

bool group_state::wait_stop(group_waiter& w) noexcept {
  return stopping_ || is_cancelled() || joined_ ||
         wait_in(stoppers_, w, kind::stopper);
}

void group_state::request_stop(group_queue& woken) noexcept {
  stopping_ = true;
  grant_all(stoppers_, woken);
}

void group_state::reopen() noexcept {
  counts_ = {};
  cause_ = cause::none;
  closed_ = joined_ = stopping_ = false;
}

bool group_state::cancel(cause why, group_queue& woken) noexcept {
  if (is_cancelled() || joined_)
    return false;
  cause_ = why;
  while (group_waiter* w = slots_.pop_front()) {
    if (w->role == kind::lender) {
      take_slot(); // Above the cap, but no child is admitted any more.
      w->state = wait_result::granted;
    } else if (w->role != kind::spawner) {
      w->state = wait_result::granted;
    } else {
      --counts_.waiting;
      ++counts_.rejected;
      w->state = wait_result::refused;
    }
    woken.push_back(*w);
  }
  grant_all(stoppers_, woken);
  admit_waiting(woken); // Admits none, but the group may be idle.
  return true;
}

void group_state::recount(std::size_t running,
                          std::uint64_t spawned,
                          std::size_t peak) noexcept {
  children_ = counts_.in_flight = running;
  counts_.spawned = spawned;
  counts_.peak = std::max({counts_.peak, peak, running});
  // All others have returned; end() counted those that failed or were
  // cancelled.
  counts_.completed = spawned - running - counts_.failed - counts_.cancelled;
}

void group_state::take_over(group_waiter& joiner) noexcept {
  (void)wait_in(joiners_, joiner, kind::joiner);
}

void group_state::set_cap(std::size_t cap, group_queue& woken) noexcept {
  cap_ = cap;
  admit_waiting(woken);
}

} // namespace weir::detail
