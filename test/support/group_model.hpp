// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "group/group_state.hpp"
#include "group_call.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::test {

/// A second, simple implementation of the contract: which children run, and
/// lists of waiters.
class group_model final {
  using state = detail::group_state;
  using wait_result = detail::group_waiter::wait_result;
  using kind = detail::group_waiter::kind;

public:
  explicit group_model(std::size_t cap, std::size_t max_waiting)
      : max_waiting_(max_waiting) {
    seen_.cap = cap;
  }

  std::size_t running() const { return seen_.counts.in_flight; }
  const std::string& lenders() const { return lenders_; }
  const std::string& spawners() const { return spawners_; }
  const std::string& joiners() const { return joiners_; }
  const std::string& idlers() const { return idlers_; }
  const std::string& stoppers() const { return stoppers_; }
  bool is_stopping() const { return stopping_; }
  bool is_closed() const { return closed_; }
  bool is_joined() const { return joined_; }
  const group_view& seen() const { return seen_; }

  const group_view& apply(group_call call) {
    seen_.answer = -1;
    seen_.woken.clear();
    auto& n = seen_.counts;
    switch (call.what) {
    case group_call::spawn:
    case group_call::lend:
    case group_call::attempt:
      seen_.answer = static_cast<int>(admit(call.what));
      break;
    case group_call::end:
      ++*std::array{&n.completed, &n.failed, &n.cancelled}[call.arg];
      --n.in_flight;
      --seen_.children;
      settle();
      break;
    case group_call::end_lending: // It has no slot to give back.
      ++n.cancelled;
      --seen_.children;
      remove(lenders_, call.arg);
      wake(call.arg, wait_result::granted);
      settle();
      break;
    case group_call::retract: // As if it had been cancelled.
      --n.in_flight;
      ++n.cancelled;
      --seen_.children;
      settle();
      break;
    case group_call::withdraw:
      seen_.answer = give_up(call.arg);
      break;
    case group_call::join:
      seen_.answer = wait_in(joiners_, kind::joiner, seen_.children == 0);
      if (seen_.answer)
        set_joined();
      break;
    case group_call::wait_idle:
      seen_.answer = wait_in(idlers_, kind::idler, seen_.children == 0);
      break;
    case group_call::wait_stop:
      seen_.answer =
          wait_in(stoppers_,
                  kind::stopper,
                  stopping_ || joined_ || seen_.cause != state::cause::none);
      break;
    case group_call::stop:
      stopping_ = true;
      wake_all(stoppers_);
      break;
    case group_call::reopen:
      n = {};
      seen_.cause = state::cause::none;
      closed_ = joined_ = stopping_ = false;
      break;
    case group_call::cancel:
      seen_.answer = seen_.cause == state::cause::none && !joined_;
      if (seen_.answer)
        cancel(static_cast<state::cause>(call.arg));
      break;
    case group_call::close:
      closed_ = true;
      break;
    case group_call::set_cap:
      seen_.cap = call.arg;
      settle();
      break;
    }
    seen_.available = seen_.cap > n.in_flight ? seen_.cap - n.in_flight : 0;
    return seen_;
  }

private:
  char add(kind role, wait_result f) {
    seen_.fates += static_cast<char>(f);
    seen_.roles += static_cast<char>(role);
    seen_.indices += '\0';
    return static_cast<char>(seen_.fates.size() - 1);
  }

  static bool remove(std::string& list, std::uint8_t waiter) {
    const auto at = list.find(static_cast<char>(waiter));
    if (at != std::string::npos)
      list.erase(at, 1);
    return at != std::string::npos;
  }

  void wake(std::uint8_t waiter, wait_result f) {
    seen_.fates[waiter] = static_cast<char>(f);
    seen_.woken += static_cast<char>(waiter);
  }

  void take_slot() {
    if (++seen_.counts.in_flight > seen_.counts.peak)
      seen_.counts.peak = seen_.counts.in_flight;
  }

  std::uint64_t new_child() {
    ++seen_.children;
    return seen_.counts.spawned++;
  }

  state::admission admit(group_call::verb how) {
    const bool has_waiter = how != group_call::attempt;
    const bool refused =
        closed_ || joined_ || seen_.cause != state::cause::none;
    const bool free = seen_.counts.in_flight < seen_.cap;
    if (refused || free) {
      if (has_waiter)
        add(kind::spawner, wait_result::none);
      if (refused) {
        ++seen_.counts.rejected;
        return closed_ || joined_ ? state::admission::closed
                                  : state::admission::cancelled;
      }
      take_slot();
      seen_.index = new_child();
      return state::admission::started;
    }
    if (!has_waiter) {
      ++seen_.counts.rejected;
      return state::admission::full;
    }
    if (how == group_call::lend) {
      lenders_.insert(0, 1, add(kind::lender, wait_result::queued));
      seen_.index = new_child();
      return state::admission::lent;
    }
    if (spawners_.size() >= max_waiting_) {
      add(kind::spawner, wait_result::none);
      ++seen_.counts.rejected;
      return state::admission::overloaded;
    }
    spawners_ += add(kind::spawner, wait_result::queued);
    ++seen_.counts.waiting;
    return state::admission::queued;
  }

  // Free slots go to lenders, the latest first, then to spawners in order;
  // when no child is left, joiners are woken.
  void settle() {
    while (seen_.counts.in_flight < seen_.cap &&
           !(lenders_.empty() && spawners_.empty())) {
      std::string& list = lenders_.empty() ? spawners_ : lenders_;
      const auto waiter = static_cast<std::uint8_t>(list[0]);
      if (&list == &spawners_) {
        --seen_.counts.waiting;
        seen_.indices[waiter] = static_cast<char>(new_child());
      }
      list.erase(0, 1);
      take_slot();
      wake(waiter, wait_result::granted);
    }
    if (seen_.children != 0)
      return;
    wake_all(idlers_);
    if (joiners_.empty())
      return;
    wake_all(joiners_);
    set_joined();
  }

  void set_joined() {
    joined_ = true;
    wake_all(stoppers_);
  }

  void wake_all(std::string& list) {
    for (const char waiter : list)
      wake(static_cast<std::uint8_t>(waiter), wait_result::granted);
    list.clear();
  }

  // True: there is nothing to wait for.
  bool wait_in(std::string& list, kind role, bool over) {
    if (over)
      add(kind::spawner, wait_result::none); // never queued
    else
      list += add(role, wait_result::queued);
    return over;
  }

  bool give_up(std::uint8_t waiter) {
    if (remove(lenders_, waiter)) {
      take_slot(); // It continues above the cap.
    } else if (remove(spawners_, waiter)) {
      --seen_.counts.waiting;
      ++seen_.counts.rejected;
    } else if (!remove(joiners_, waiter) && !remove(idlers_, waiter) &&
               !remove(stoppers_, waiter)) {
      return false;
    }
    seen_.fates[waiter] = static_cast<char>(wait_result::none);
    return true;
  }

  void cancel(state::cause why) {
    seen_.cause = why;
    for (const char waiter : lenders_) {
      take_slot();
      wake(static_cast<std::uint8_t>(waiter), wait_result::granted);
    }
    for (const char waiter : spawners_)
      wake(static_cast<std::uint8_t>(waiter), wait_result::refused);
    seen_.counts.rejected += spawners_.size();
    seen_.counts.waiting = 0;
    lenders_.clear();
    spawners_.clear();
    wake_all(stoppers_);
  }

  group_view seen_;
  std::size_t max_waiting_;
  std::string lenders_;  // queued waiters, the next one first
  std::string spawners_; //
  std::string joiners_;  //
  std::string idlers_;   //
  std::string stoppers_; //
  bool stopping_ = false;
  bool closed_ = false;
  bool joined_ = false;
};

} // namespace weir::test
