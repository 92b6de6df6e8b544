// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "reference.hpp"

namespace weir::test::model {

using answer = reference::answer;

answer reference::ask(int in, int child) {
  group& g = groups[in];
  if (g.closed || g.joined || g.cancelled_by != cause::none) {
    ++g.rejected;
    return g.closed || g.joined ? answer::closed : answer::cancelled;
  }
  if (g.in_flight < g.cap) {
    ++g.in_flight;
    admit(in, child);
    return answer::granted;
  }
  return answer::full;
}

void reference::admit(int in, int child) {
  groups[in].children.push_back(child);
  ++groups[in].spawned;
  tasks[child].parent = in;
}

answer reference::spawn(int who, int in, int child) {
  task& t = tasks[who];
  t.last = ask(in, child);
  if (t.last != answer::full)
    return t.last;
  group& g = groups[in];
  t.lends = t.parent == in;
  if (!t.lends && g.waiting >= g.max_waiting) {
    ++g.rejected;
    return t.last = answer::overloaded;
  }
  t.in = in;
  t.child = child;
  if (t.lends) { // The parent does not run: the child uses its slot.
    g.slots.push_front(who);
    admit(in, child);
  } else {
    if (flaw == 1)
      g.slots.push_front(who);
    else
      g.slots.push_back(who);
    ++g.waiting;
  }
  return wait_for(who, wait::spawn, reference_answer::waits);
}

// `who` does not wait any more. A lender continues above the cap: its child
// runs, too.
void reference::leave_slots(int who, answer refused) {
  task& t = tasks[who];
  group& g = groups[t.in];
  std::erase(g.slots, who);
  if (t.lends) {
    ++g.in_flight;
    gave_up = true;
  } else {
    --g.waiting;
    ++g.rejected;
  }
  tell(who, t.lends ? answer::granted : refused);
}

void reference::settle(int in) {
  group& g = groups[in];
  while (!g.slots.empty() && g.in_flight < g.cap) {
    const int who = g.slots.front();
    g.slots.pop_front();
    ++g.in_flight;
    tell(who, answer::granted);
    if (!tasks[who].lends) {
      --g.waiting;
      admit(in, tasks[who].child);
    }
  }
  if (!g.children.empty())
    return;
  wake(g.idlers);
  if (!g.joiners.empty())
    set_joined(g);
}

void reference::end(int who, ending how, const std::string& error) {
  const int in = tasks[who].parent;
  group& g = groups[in];
  std::erase(g.children, who);
  if (how == ending::aborted)
    how = g.cancelled_by == cause::none ? ending::failed : ending::stopped;
  if (how == ending::failed) {
    ++g.failed;
    if (g.errors++ == 0 || flaw == 2)
      g.first_error = error;
    if (!g.keeps_going)
      cancel(in, cause::failure);
  } else {
    ++(how == ending::returned ? g.completed : g.cancelled);
  }
  --g.in_flight;
  settle(in);
}

void reference::end_body(int who,
                         int in,
                         ending how,
                         const std::string& error) {
  group& g = groups[in];
  tasks[who].scopes.pop_back();
  const bool aborts = how == ending::aborted;
  if (how == ending::stopped || (aborts && is_cancelled(who))) {
    cancel(in, cause::outside);
  } else if (how == ending::failed ||
             (aborts && g.cancelled_by == cause::none)) {
    if (g.errors++ == 0)
      g.first_error = error;
    cancel(in, cause::failure); // Independent of the policy for children.
  }
  (void)join(who, in);
}

void reference::cancel(int in, cause why) {
  group& g = groups[in];
  if (g.cancelled_by != cause::none || g.joined)
    return;
  g.cancelled_by = why;
  while (!g.slots.empty())
    leave_slots(g.slots.front(), answer::cancelled);
  wake(g.stoppers);
  std::vector<int> children(g.children);
  // By insertion: Clang warns of what std::stable_sort calls in libstdc++ 12.
  for (auto it = children.begin(); it != children.end(); ++it)
    std::rotate(std::upper_bound(children.begin(),
                                 it,
                                 *it,
                                 [this](int a, int b) {
                                   return tasks[a].listed > tasks[b].listed;
                                 }),
                it,
                it + 1);
  for (const int child : children)
    cancel_task(child);
  if (g.body != none) {
    task& t = tasks[g.body];
    for (std::size_t i = 0; i != t.scopes.size(); ++i)
      if (t.scopes[i].what == scope::kind::body && t.scopes[i].in == in)
        cancel_scope(g.body, i);
  }
  settle(in);
}

void reference::interrupt(int who) {
  task& t = tasks[who];
  if (!is_cancelled(who))
    return;
  switch (t.waits) {
  case wait::none:
    return;
  case wait::spawn:
    leave_slots(who, answer::cancelled);
    return;
  case wait::join: // It continues to wait for all children.
    cancel(t.in, cause::outside);
    return;
  case wait::idle:
    std::erase(groups[t.in].idlers, who);
    break;
  case wait::stop:
    std::erase(groups[t.in].stoppers, who);
    break;
  case wait::acquire:
    permits.withdraw(who, told());
    break;
  case wait::send:
  case wait::receive:
    values.withdraw(who);
    break;
  }
  tell(who, answer::cancelled);
}

void reference::shutdown(int in,
                         time now,
                         clock::duration drain,
                         clock::duration soft) {
  group& g = groups[in];
  g.closed = true;
  if (g.joined || g.cancelled_by != cause::none)
    return;
  // A timer without a visible effect may have fired.
  if (g.stopping && g.stops_at <= now)
    g.softly = true;
  g.soft = soft;
  if (g.softly) {
    g.gives_up_at = now + soft;
  } else if (drain > drain.zero()) {
    g.stops_at = now + drain;
    g.gives_up_at = g.stops_at + soft;
  } else {
    stop_softly(in, now);
  }
}

void reference::stop_softly(int in, time now) {
  group& g = groups[in];
  g.softly = true;
  g.stops_at = never;
  g.gives_up_at = now + g.soft;
  request_stop(in);
}

} // namespace weir::test::model
