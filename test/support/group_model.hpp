// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "group_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <tuple>

namespace weir::test {

/// One call of a group's rules.
struct group_call {
  enum verb : std::uint8_t {
    spawn,       ///< with a new waiter
    lend,        ///< the same, by a running child
    attempt,     ///< without a waiter
    end,         ///< of a running child; arg: its ending
    end_lending, ///< of the child that lends by waiter arg
    retract,     ///< of a running child
    withdraw,    ///< waiter arg
    join,        ///< with a new waiter
    cancel,      ///< arg: the cause
    close,       //
    set_cap,     ///< arg: the new cap
  };
  verb what;
  std::uint8_t arg = 0;

  friend std::ostream& operator<<(std::ostream& out, const group_call& c) {
    static constexpr const char* names[] = {"spawn",
                                            "lend",
                                            "attempt",
                                            "end",
                                            "end_lending",
                                            "retract",
                                            "withdraw",
                                            "join",
                                            "cancel",
                                            "close",
                                            "set_cap"};
    return out << names[c.what] << '(' << int(c.arg) << ')';
  }
};

/// All that a caller of the rules can see after a call.
struct group_view {
  int answer = -1;         ///< what the call returned, if anything
  std::uint64_t index = 0; ///< of the child it started
  std::string woken;       ///< waiters, in order
  std::string fates;       ///< of every waiter so far
  std::string roles;       ///< of those that were ever queued
  detail::group_state::counts counts;
  std::size_t children = 0;
  std::size_t cap = 0;
  std::size_t available = 0;
  detail::group_state::cause cause = detail::group_state::cause::none;
  std::string indices; ///< of the waiters' children

  auto tied() const {
    return std::tie(answer,
                    index,
                    woken,
                    fates,
                    roles,
                    counts.in_flight,
                    counts.waiting,
                    counts.peak,
                    counts.spawned,
                    counts.completed,
                    counts.failed,
                    counts.cancelled,
                    counts.rejected,
                    children,
                    cap,
                    available,
                    cause,
                    indices);
  }
  bool operator==(const group_view& other) const {
    return tied() == other.tied();
  }
};

/// The contract once more, the plain way: who runs, and lists of who waits.
class group_model final {
  using state = detail::group_state;
  using fate = detail::group_waiter::fate;
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
      wake(call.arg, fate::granted);
      settle();
      break;
    case group_call::retract: // As if it had never been.
      --n.in_flight;
      --n.spawned;
      --seen_.children;
      settle();
      break;
    case group_call::withdraw:
      seen_.answer = give_up(call.arg);
      break;
    case group_call::join:
      joined_ = joined_ || seen_.children == 0;
      seen_.answer = seen_.children == 0;
      if (!seen_.answer)
        joiners_ += add(kind::joiner, fate::queued);
      else
        add(kind::spawner, fate::none); // never queued
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
  char add(kind role, fate f) {
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

  void wake(std::uint8_t waiter, fate f) {
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
        add(kind::spawner, fate::none);
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
      lenders_.insert(0, 1, add(kind::lender, fate::queued));
      seen_.index = new_child();
      return state::admission::lent;
    }
    if (spawners_.size() >= max_waiting_) {
      add(kind::spawner, fate::none);
      ++seen_.counts.rejected;
      return state::admission::overloaded;
    }
    spawners_ += add(kind::spawner, fate::queued);
    ++seen_.counts.waiting;
    return state::admission::queued;
  }

  // Free slots go to lenders, the latest first, then to spawners in order;
  // when nobody is left, joiners are woken.
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
      wake(waiter, fate::granted);
    }
    if (seen_.children != 0)
      return;
    joined_ = joined_ || !joiners_.empty();
    for (const char waiter : joiners_)
      wake(static_cast<std::uint8_t>(waiter), fate::granted);
    joiners_.clear();
  }

  bool give_up(std::uint8_t waiter) {
    if (remove(lenders_, waiter)) {
      take_slot(); // It runs on, whatever the cap.
    } else if (remove(spawners_, waiter)) {
      --seen_.counts.waiting;
      ++seen_.counts.rejected;
    } else if (!remove(joiners_, waiter)) {
      return false;
    }
    seen_.fates[waiter] = static_cast<char>(fate::none);
    return true;
  }

  void cancel(state::cause why) {
    seen_.cause = why;
    for (const char waiter : lenders_) {
      take_slot();
      wake(static_cast<std::uint8_t>(waiter), fate::granted);
    }
    for (const char waiter : spawners_)
      wake(static_cast<std::uint8_t>(waiter), fate::refused);
    seen_.counts.rejected += spawners_.size();
    seen_.counts.waiting = 0;
    lenders_.clear();
    spawners_.clear();
  }

  group_view seen_;
  std::size_t max_waiting_;
  std::string lenders_;  // queued waiters, the next one first
  std::string spawners_; //
  std::string joiners_;  //
  bool closed_ = false;
  bool joined_ = false;
};

} // namespace weir::test
