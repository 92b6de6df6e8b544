// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::model {

/// The contract of task groups once more, for several groups and the tasks in
/// and around them, in plain lists. Tasks and groups are numbers.
class reference final {
public:
  enum class answer : std::uint8_t { waits, started, cancelled, closed, full };
  enum class ending : std::uint8_t { returned, aborted, failed, stopped };
  enum class cause : std::uint8_t { none, failure, own, outside };
  static constexpr int none = -1;

  struct group {
    std::size_t cap = 1;
    bool closed = false;
    bool joined = false;
    cause cancelled_by = cause::none;
    std::string first_error;
    std::size_t in_flight = 0;
    std::size_t waiting = 0;
    std::uint64_t spawned = 0, completed = 0, failed = 0, cancelled = 0,
                  rejected = 0;
    std::deque<int> slots; // tasks whose spawn() waits, the next one first
    std::vector<int> joiners;
    std::vector<int> children;
  };
  struct task {
    int parent = none; // its group, once it is admitted
    bool cancelled = false;
    int spawns_in = none; // waits there, and
    bool lends = false;   // has lent its slot
    int child = none;     // what it spawns
    int joins = none;
    answer last = answer::waits; // of its latest spawn() or join()
  };

  int add_group(std::size_t cap) {
    groups.emplace_back().cap = cap;
    return static_cast<int>(groups.size()) - 1;
  }
  int add_task() {
    tasks.emplace_back();
    return static_cast<int>(tasks.size()) - 1;
  }

  answer try_spawn(int in, int child) {
    const answer got = ask(in, child);
    groups[in].rejected += got == answer::full;
    return got;
  }

  answer spawn(int who, int in, int child) {
    task& t = tasks[who];
    t.last = ask(in, child);
    if (t.last != answer::full)
      return t.last;
    group& g = groups[in];
    t.last = answer::waits;
    t.spawns_in = in;
    t.child = child;
    t.lends = t.parent == in;
    if (t.lends) { // The parent does not run: the child has its slot.
      g.slots.push_front(who);
      admit(in, child);
    } else {
      g.slots.push_back(who);
      ++g.waiting;
    }
    if (t.cancelled)
      interrupt(who);
    return t.last;
  }

  answer join(int who, int in) {
    group& g = groups[in];
    task& t = tasks[who];
    t.last = answer::started;
    if (g.children.empty()) {
      g.joined = true;
      return t.last;
    }
    g.joiners.push_back(who);
    t.joins = in;
    t.last = answer::waits;
    if (t.cancelled)
      interrupt(who);
    return t.last;
  }

  /// Of an admitted child.
  void end(int who, ending how, const std::string& error) {
    const int in = tasks[who].parent;
    group& g = groups[in];
    std::erase(g.children, who);
    if (how == ending::aborted)
      how = g.cancelled_by == cause::none ? ending::failed : ending::stopped;
    if (how == ending::failed) {
      if (g.failed++ == 0)
        g.first_error = error;
      cancel(in, cause::failure);
    } else {
      ++(how == ending::returned ? g.completed : g.cancelled);
    }
    --g.in_flight;
    settle(in);
  }

  void cancel(int in, cause why) {
    group& g = groups[in];
    if (g.cancelled_by != cause::none || g.joined)
      return;
    g.cancelled_by = why;
    while (!g.slots.empty())
      leave_slots(g.slots.front(), answer::cancelled);
    for (const int child : std::vector<int>(g.children))
      cancel_task(child);
    settle(in);
  }

  void cancel_task(int who) {
    if (!std::exchange(tasks[who].cancelled, true))
      interrupt(who);
  }

  void close(int in) { groups[in].closed = true; }
  void set_cap(int in, std::size_t cap) {
    groups[in].cap = cap;
    settle(in);
  }

  std::vector<group> groups;
  std::deque<task> tasks;

private:
  answer ask(int in, int child) {
    group& g = groups[in];
    if (g.closed || g.joined || g.cancelled_by != cause::none) {
      ++g.rejected;
      return g.closed || g.joined ? answer::closed : answer::cancelled;
    }
    if (g.in_flight < g.cap) {
      ++g.in_flight;
      admit(in, child);
      return answer::started;
    }
    return answer::full;
  }

  void admit(int in, int child) {
    groups[in].children.push_back(child);
    ++groups[in].spawned;
    tasks[child].parent = in;
    tasks[child].cancelled = false;
  }

  // `who` waits no more. A lender runs on whatever the cap: its child runs.
  void leave_slots(int who, answer refused) {
    task& t = tasks[who];
    group& g = groups[t.spawns_in];
    std::erase(g.slots, who);
    t.spawns_in = none;
    t.last = t.lends ? answer::started : refused;
    if (t.lends) {
      ++g.in_flight;
    } else {
      --g.waiting;
      ++g.rejected;
    }
  }

  void interrupt(int who) {
    if (tasks[who].spawns_in != none)
      leave_slots(who, answer::cancelled);
    else if (tasks[who].joins != none)
      cancel(tasks[who].joins, cause::outside);
  }

  void settle(int in) {
    group& g = groups[in];
    while (!g.slots.empty() && g.in_flight < g.cap) {
      task& t = tasks[g.slots.front()];
      g.slots.pop_front();
      ++g.in_flight;
      t.spawns_in = none;
      t.last = answer::started;
      if (!t.lends) {
        --g.waiting;
        admit(in, t.child);
      }
    }
    if (!g.children.empty() || g.joiners.empty())
      return;
    g.joined = true;
    for (const int who : g.joiners) {
      tasks[who].joins = none;
      tasks[who].last = answer::started;
    }
    g.joiners.clear();
  }
};

} // namespace weir::test::model
