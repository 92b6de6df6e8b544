// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_state.hpp"

#include <algorithm>

namespace weir::detail {

using kind = group_waiter::kind;
using fate = group_waiter::fate;

namespace {

void grant_all(group_queue& queue, group_queue& woken) noexcept {
  while (group_waiter* w = queue.pop_front()) {
    w->state = fate::granted;
    woken.push_back(*w);
  }
}

bool wait_in(group_queue& queue, group_waiter& w, kind role) noexcept {
  w.role = role;
  w.state = fate::queued;
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

group_state::admission
group_state::admit(group_waiter* w, bool parent_lends, std::uint64_t& index) {
  if (closed_ || joined_) {
    ++counts_.rejected;
    return admission::closed;
  }
  if (is_cancelled()) {
    ++counts_.rejected;
    return admission::cancelled;
  }
  if (counts_.in_flight < cap_ && slots_.empty()) {
    take_slot();
    index = begin_child();
    return admission::started;
  }
  if (w == nullptr) {
    ++counts_.rejected;
    return admission::full;
  }
  if (!parent_lends && counts_.waiting >= max_waiting_) {
    ++counts_.rejected;
    return admission::overloaded;
  }
  w->state = fate::queued;
  if (parent_lends) {
    // The parent does not run while it waits: its slot changes hands. It is
    // first in the queue, for what it waits for may be all that can end.
    w->role = kind::lender;
    slots_.push_front(*w);
    index = begin_child();
    return admission::lent;
  }
  w->role = kind::spawner;
  slots_.push_back(*w);
  ++counts_.waiting;
  return admission::queued;
}

void group_state::retract(group_queue& woken) noexcept {
  --counts_.in_flight;
  --counts_.spawned;
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
  if (lending != nullptr && lending->state == fate::queued) {
    slots_.erase(*lending);
    lending->state = fate::granted;
    woken.push_back(*lending);
  } else {
    --counts_.in_flight;
    admit_waiting(woken);
  }
  finish_if_idle(woken);
}

void group_state::admit_waiting(group_queue& woken) noexcept {
  while (counts_.in_flight < cap_ && !slots_.empty()) {
    group_waiter& w = *slots_.pop_front();
    take_slot();
    if (w.role == kind::spawner) {
      --counts_.waiting;
      w.index = begin_child();
    }
    w.state = fate::granted;
    woken.push_back(w);
  }
}

void group_state::finish_if_idle(group_queue& woken) noexcept {
  if (children_ != 0)
    return;
  grant_all(idlers_, woken);
  if (joiners_.empty())
    return;
  grant_all(joiners_, woken);
  set_joined(woken);
}

// Nobody is left to be asked to stop.
void group_state::set_joined(group_queue& woken) noexcept {
  joined_ = true;
  grant_all(stoppers_, woken);
}

bool group_state::withdraw(group_waiter& w) noexcept {
  if (w.state != fate::queued)
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
  case kind::spawner:
    slots_.erase(w);
    --counts_.waiting;
    ++counts_.rejected;
    break;
  }
  w.state = fate::none;
  return true;
}

bool group_state::join(group_waiter& w, group_queue& woken) noexcept {
  if (children_ != 0)
    return wait_in(joiners_, w, kind::joiner);
  set_joined(woken);
  return true;
}

bool group_state::wait_idle(group_waiter& w) noexcept {
  return children_ == 0 || wait_in(idlers_, w, kind::idler);
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
      take_slot(); // Above the cap, but nobody is admitted any more.
      w->state = fate::granted;
    } else {
      --counts_.waiting;
      ++counts_.rejected;
      w->state = fate::refused;
    }
    woken.push_back(*w);
  }
  grant_all(stoppers_, woken);
  return true;
}

void group_state::recount(std::size_t running,
                          std::uint64_t spawned,
                          std::size_t peak) noexcept {
  children_ = counts_.in_flight = running;
  counts_.spawned = spawned;
  counts_.peak = std::max({counts_.peak, peak, running});
  // All others have returned; what failed or was cancelled was told to end().
  counts_.completed = spawned - running - counts_.failed - counts_.cancelled;
}

void group_state::set_cap(std::size_t cap, group_queue& woken) noexcept {
  cap_ = cap;
  admit_waiting(woken);
}

} // namespace weir::detail
