// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/sleep.hpp>

#include "reference_channel.hpp"
#include "reference_limiter.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::model {

/// A second implementation of the contract of task groups, for several groups
/// and the tasks in and around them, with plain lists. Tasks and groups are
/// numbers.
class reference final {
public:
  enum class answer : std::uint8_t {
    waits,
    granted,
    cancelled,
    closed,
    full,
    overloaded,
    oversized,
  };
  enum class ending : std::uint8_t { returned, aborted, failed, stopped };
  enum class cause : std::uint8_t { none, failure, own, deadline, outside };
  enum class wait : std::uint8_t {
    none,
    spawn,
    join,
    idle,
    stop,
    acquire,
    send,
    receive,
  };
  using time = clock::time_point;
  static constexpr int none = -1;
  static constexpr time never = time::max();

  struct group {
    std::size_t cap = 1;
    std::size_t widest = 0; // caps that were set in this step
    std::size_t max_waiting = static_cast<std::size_t>(-1);
    bool keeps_going = false;
    int body = none; // the task that runs its body, in with_task_group
    bool closed = false, joined = false, stopping = false;
    cause cancelled_by = cause::none;
    std::string first_error; // of `errors`, the body's included
    std::size_t errors = 0;
    std::size_t in_flight = 0, waiting = 0;
    std::uint64_t spawned = 0, completed = 0, failed = 0, cancelled = 0,
                  rejected = 0;
    std::deque<int> slots; // tasks whose spawn() waits, the next one first
    std::vector<int> joiners, idlers, stoppers;
    std::vector<int> children;
    // The earliest times at which a timer may act.
    time cancels_at = never, stops_at = never, gives_up_at = never;
    clock::duration soft{};
    bool softly = false;
  };
  // A part of a task that can be cancelled by itself, or is protected.
  struct scope {
    enum class kind : std::uint8_t { body, deadline, shield } what;
    int in = none;   // whose body it is
    time at = never; // its deadline
    bool cancelled = false;
  };
  struct task {
    int parent = none; // its group, once it is admitted
    bool cancelled = false;
    std::vector<scope> scopes; // the innermost last
    wait waits = wait::none;
    int in = none;               // the group where it waits, and
    bool lends = false;          // has lent its slot
    int child = none;            // what it spawns
    answer last = answer::waits; // of its latest wait
    std::size_t listed = 0;      // when it waited first, counted from 1
    int got = none;              // what it received
  };

  // What limiter and channel call for a task that need not wait any more.
  struct teller {
    void operator()(int who, reference_answer what, int value) const {
      model.tell(who, static_cast<answer>(what));
      model.tasks[who].got = value;
    }
    reference& model;
  };

  int add_group(std::size_t cap) {
    groups.emplace_back().cap = cap;
    return static_cast<int>(groups.size()) - 1;
  }
  int add_task() {
    tasks.emplace_back();
    return static_cast<int>(tasks.size()) - 1;
  }

  // --- spawn ---
  answer try_spawn(int in, int child) {
    const answer got = ask(in, child);
    groups[in].rejected += got == answer::full;
    return got;
  }
  answer spawn(int who, int in, int child);

  // --- join, wait_idle, wait_stopping ---
  answer join(int who, int in) {
    group& g = groups[in];
    if (!g.children.empty())
      return rest(who, in, wait::join, g.joiners);
    set_joined(g);
    return tasks[who].last = answer::granted;
  }
  answer wait_idle(int who, int in) {
    group& g = groups[in];
    if (!g.children.empty())
      return rest(who, in, wait::idle, g.idlers);
    return tasks[who].last = answer::granted;
  }
  answer wait_stopping(int who, int in) {
    group& g = groups[in];
    if (!is_stopping(g) && !g.joined)
      return rest(who, in, wait::stop, g.stoppers);
    return tasks[who].last = answer::granted;
  }
  static bool is_stopping(const group& g) {
    return g.stopping || g.cancelled_by != cause::none;
  }

  // --- how it ends ---
  /// A child was admitted but could not be made.
  void retract(int in) {
    ++groups[in].spawned;
    ++groups[in].cancelled;
  }
  /// The end of an admitted child.
  void end(int who, ending how, const std::string& error);
  /// The end of the body of with_task_group, whose task then joins.
  void end_body(int who, int in, ending how, const std::string& error);
  void cancel(int in, cause why);
  void cancel_task(int who) {
    tasks[who].cancelled = true;
    interrupt(who);
  }
  void cancel_scope(int who, std::size_t which) {
    tasks[who].scopes[which].cancelled = true;
    interrupt(who);
  }
  /// The task has awaited. Of the children that are cancelled, the last one to
  /// await first is cancelled first. (The order could be another; but a waiter
  /// that is withdrawn makes room for those behind it.)
  void list(int who) { tasks[who].listed = ++listed_; }
  bool is_cancelled(int who) const {
    const task& t = tasks[who];
    for (std::size_t i = t.scopes.size(); i-- != 0;) {
      if (t.scopes[i].cancelled)
        return true;
      if (t.scopes[i].what == scope::kind::shield)
        return false;
    }
    return t.cancelled;
  }

  // --- the rest ---
  void close(int in) { groups[in].closed = true; }
  void set_cap(int in, std::size_t cap) {
    groups[in].widest = std::max({groups[in].widest, groups[in].cap, cap});
    groups[in].cap = cap;
    settle(in);
  }
  void request_stop(int in) {
    groups[in].stopping = true;
    wake(groups[in].stoppers);
  }
  /// Before the join().
  void shutdown(int in, time now, clock::duration drain, clock::duration soft);
  void stop_softly(int in, time now);
  void reopen(int in) {
    const group old = std::exchange(groups[in], {});
    groups[in].cap = old.cap;
    groups[in].max_waiting = old.max_waiting;
    groups[in].keeps_going = old.keeps_going;
  }

  answer acquire(int who, std::size_t weight) {
    return wait_for(who, wait::acquire, permits.acquire(who, weight));
  }
  void release(std::size_t weight) { permits.release(weight, told()); }
  void set_capacity(std::size_t n) { permits.set_capacity(n, told()); }
  answer send(int who, int value) {
    return wait_for(who, wait::send, values.send(who, value, told()));
  }
  answer receive(int who) {
    return wait_for(
        who, wait::receive, values.receive(who, tasks[who].got, told()));
  }
  answer try_send(int value) {
    return static_cast<answer>(values.try_send(value, told()));
  }
  bool try_receive(int& value) { return values.try_receive(value, told()); }
  void close_channel() { values.close(told()); }

  std::vector<group> groups;
  std::deque<task> tasks;
  reference_limiter permits;
  reference_channel values;
  /// For tests of the comparison: the reference is wrong on purpose.
  int flaw = 0;
  /// A lender was withdrawn in this step: one child more than the cap may run.
  bool gave_up = false;

private:
  std::size_t listed_ = 0;

  answer ask(int in, int child);
  void admit(int in, int child);
  void leave_slots(int who, answer refused);
  void interrupt(int who);
  void settle(int in);
  void set_joined(group& g) {
    g.joined = true;
    wake(g.joiners);
    wake(g.stoppers);
  }
  answer rest(int who, int in, wait what, std::vector<int>& queue) {
    queue.push_back(who);
    tasks[who].in = in;
    return wait_for(who, what, reference_answer::waits);
  }
  answer wait_for(int who, wait what, reference_answer got) {
    task& t = tasks[who];
    t.last = static_cast<answer>(got);
    if (t.last == answer::waits) {
      t.waits = what;
      if (is_cancelled(who))
        interrupt(who);
    }
    return t.last;
  }
  void tell(int who, answer what) {
    tasks[who].waits = wait::none;
    tasks[who].last = what;
  }
  void wake(std::vector<int>& queue) {
    for (const int who : std::exchange(queue, {}))
      tell(who, answer::granted);
  }
  teller told() { return {*this}; }
};

} // namespace weir::test::model
