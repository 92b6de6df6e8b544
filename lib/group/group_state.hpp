// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/wait/group_waiter.hpp>
#include <weir/detail/wait/wait_queue.hpp>

#include "sync/permit_source.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::detail {

using group_queue = wait_queue<group_waiter>;

// The rules of a task group: how many children run, which waiters are queued,
// when the group ends, and which waiters must be completed. Not synchronised;
// uses neither tasks nor threads. The caller holds the group's lock, and
// completes the waiters that a call leaves in `woken` after it has released the
// lock.
class group_state {
public:
  static constexpr std::size_t no_limit =
      std::numeric_limits<std::size_t>::max();

  // Why the group was cancelled; the first cause counts.
  enum class cause : std::uint8_t { none, failure, own, deadline, outside };

  enum class admission : std::uint8_t {
    started,    // the child has a slot
    lent,       // the child has its parent's; the waiter is queued
    queued,     // the waiter is queued
    full,       // no slot, and no waiter was given
    overloaded, // no slot, and too many waiters are queued
    cancelled,  //
    closed,     //
  };

  enum class ending : std::uint8_t { completed, failed, cancelled };

  struct counts {
    std::size_t in_flight = 0; // slots taken
    std::size_t waiting = 0;   // spawners queued
    std::size_t peak = 0;
    std::uint64_t spawned = 0;
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t rejected = 0;
  };

  // What the task that spawns could lend to its child instead of waiting.
  enum class lends : std::uint8_t {
    nothing,
    all,    // a child of this group: its slot and, if any, its permits
    permit, // not one of this group: its permits
  };
  struct request {
    lends parent = lends::nothing;
    std::size_t weight = 1; // permits the child wants
    std::size_t lent = 1;   // permits the parent holds; at least `weight`
  };

  // Precondition: cap is at least 1.
  explicit group_state(std::size_t cap,
                       std::size_t max_waiting = no_limit,
                       permit_source* permits = nullptr) noexcept
      : cap_(cap), max_waiting_(max_waiting), permits_(permits) {}

  // Asks to start a child. The index of a child that starts at once is in
  // `index`, that of a queued child in its waiter. With permits, call
  // admit_waiting() when `w` was queued: it may be the first.
  admission admit(group_waiter* w, const request& wanted, std::uint64_t& index);
  // A child wants its permits back, and keeps its slot. False: it continues
  // without. Call admit_waiting().
  bool rejoin(group_waiter& w, std::size_t lent) noexcept;
  // Starts all that can be started.
  void admit_waiting(group_queue& woken) noexcept;
  // A child that was admitted but could not be started; counts as cancelled.
  void retract(group_queue& woken) noexcept;
  // A child has ended. `lending`: its own spawn() that still waits for the slot
  // it lent, or null; it is completed, because no child needs that slot.
  void end(ending how, group_waiter* lending, group_queue& woken) noexcept;

  // Removes a queued waiter; a lender continues without a slot of the cap.
  // False: it is not queued any more.
  bool withdraw(group_waiter& w, group_queue& woken) noexcept;

  // True: the last child has ended, the group is joined. False: `w` is queued.
  bool join(group_waiter& w, group_queue& woken) noexcept;
  // True: there is no child. False: `w` is queued.
  bool wait_idle(group_waiter& w) noexcept;
  // True: the group was asked to stop, or is cancelled or joined. False: `w` is
  // queued.
  bool wait_stop(group_waiter& w) noexcept;

  // False: it is cancelled already, or joined.
  bool cancel(cause why, group_queue& woken) noexcept;
  void close() noexcept { closed_ = true; }
  // Completes the children that wait for a stop request; others may poll.
  void request_stop(group_queue& woken) noexcept;
  // Resets everything except the limits. Precondition: the group is joined.
  void reopen() noexcept;
  // Precondition: cap is at least 1.
  void set_cap(std::size_t cap, group_queue& woken) noexcept;

  // True: only counting is to be done. The caller may then count by itself the
  // children that start below the cap and that return.
  bool is_countable() const noexcept {
    return permits_ == nullptr && !closed_ && !joined_ && !is_cancelled() &&
           slots_.empty() && children_ == counts_.in_flight;
  }
  // True if the last child completes a waiter.
  bool has_joiner() const noexcept {
    return !joiners_.empty() || !idlers_.empty();
  }
  bool has_stopper() const noexcept { return !stoppers_.empty(); }
  // The first lender in the queue for which `is` is true; null if there is
  // none. Linear.
  template <typename F>
  group_waiter* find_lender(F is) const noexcept {
    group_waiter* w = slots_.first();
    while (w != nullptr && !(w->role == group_waiter::kind::lender && is(*w)))
      w = w->next;
    return w;
  }
  bool is_joined() const noexcept { return joined_; }
  // Sets what the caller counted: children now running, started so far, and the
  // most at once.
  void recount(std::size_t running,
               std::uint64_t spawned,
               std::size_t peak) noexcept;

  // What happened while the caller counted: all children have returned, and the
  // group is joined; or a joiner waits for them.
  void take_over_joined() noexcept { joined_ = true; }
  void take_over(group_waiter& joiner) noexcept;

  std::size_t cap() const noexcept { return cap_; }
  // Free slots.
  std::size_t available() const noexcept {
    if (cap_ == no_limit)
      return no_limit;
    return counts_.in_flight < cap_ ? cap_ - counts_.in_flight : 0;
  }
  // No child is left, and no waiter wants to start one.
  bool is_at_rest() const noexcept {
    return children_ == 0 && slots_.empty(); // the latter matters for permits
  }
  // Children that have not ended, with or without a slot.
  std::size_t children() const noexcept { return children_; }
  cause cancelled_by() const noexcept { return cause_; }
  bool is_cancelled() const noexcept { return cause_ != cause::none; }
  const counts& counted() const noexcept { return counts_; }

private:
  void take_slot() noexcept;
  std::uint64_t begin_child() noexcept;
  admission lend(group_waiter& w, const request& wanted, std::uint64_t& index);
  void finish_if_idle(group_queue& woken) noexcept;
  void set_joined(group_queue& woken) noexcept;

  std::size_t cap_;
  std::size_t max_waiting_; // spawners queued at most
  permit_source* permits_;  // null: children need none
  std::size_t children_ = 0;
  counts counts_;
  cause cause_ = cause::none;
  bool closed_ = false;
  bool joined_ = false;
  bool stopping_ = false;
  group_queue slots_; // spawners and lenders
  group_queue joiners_;
  group_queue idlers_;
  group_queue stoppers_;
};

} // namespace weir::detail
