// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "group/group_state.hpp"

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
    end_lending, ///< of the child that lends its slot by waiter arg
    retract,     ///< of a running child
    withdraw,    ///< waiter arg
    join,        ///< with a new waiter
    wait_idle,   ///< with a new waiter
    wait_stop,   ///< with a new waiter
    cancel,      ///< arg: the cause
    close,       //
    set_cap,     ///< arg: the new cap
    stop,
    reopen,
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
                                            "wait_idle",
                                            "wait_stop",
                                            "cancel",
                                            "close",
                                            "set_cap",
                                            "stop",
                                            "reopen"};
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

} // namespace weir::test
