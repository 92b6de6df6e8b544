// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_state.hpp"

#include <algorithm>

namespace weir::detail {

using kind = group_waiter::kind;
using fate = group_waiter::fate;

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
  if (children_ != 0 || joiners_.empty())
    return;
  joined_ = true;
  while (group_waiter* w = joiners_.pop_front()) {
    w->state = fate::granted;
    woken.push_back(*w);
  }
}

bool group_state::withdraw(group_waiter& w) noexcept {
  if (w.state != fate::queued)
    return false;
  if (w.role == kind::joiner) {
    joiners_.erase(w);
  } else {
    slots_.erase(w);
    if (w.role == kind::lender) {
      take_slot();
    } else {
      --counts_.waiting;
      ++counts_.rejected;
    }
  }
  w.state = fate::none;
  return true;
}

bool group_state::join(group_waiter& w) noexcept {
  if (children_ == 0) {
    joined_ = true;
    return true;
  }
  w.role = kind::joiner;
  w.state = fate::queued;
  joiners_.push_back(w);
  return false;
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
