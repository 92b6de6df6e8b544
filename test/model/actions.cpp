// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/error.hpp>
#include <weir/sleep.hpp>

#include "faults.hpp"
#include "program.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

// What tasks do to groups.

namespace weir::test::model {

using boost::system::system_error;
using std::chrono::milliseconds;

namespace {

constexpr int scripts = 5; // factor by which a place's budget encodes a script

reference::answer answer_of(const boost::system::error_code& e) {
  if (e == errc::group_closed)
    return reference::answer::closed;
  if (e == errc::overloaded)
    return reference::answer::overloaded;
  return e == asio::error::operation_aborted ? reference::answer::cancelled
                                             : reference::answer::waits;
}

// False: the call has allocated memory.
bool change(task_group& group,
            action what,
            std::size_t cap,
            milliseconds after) {
  const no_memory_here scarce(1, true);
  if (what == action::cancel)
    group.cancel();
  else if (what == action::close)
    group.close();
  else if (what == action::resize)
    group.set_max_in_flight(cap);
  else if (what == action::request_stop)
    group.request_stop();
  else
    group.cancel_after(after);
  return scarce.failed() == 0;
}

} // namespace

task<> program::spawn(place at, int in, step s) {
  const int next = model_.add_task();
  place there = place_in(at, in);
  there.id = next;
  there.budget += scripts * s.high;
  std::optional<spawn_operation> made;
  try {
    const no_memory_here scarce(std::exchange(no_memory_at_, 0), false);
    try {
      made.emplace(groups_[in]->spawn(child(presence(*this, next), there)));
    } catch (const std::bad_alloc&) {
      require(scarce.failed() != 0, "bad_alloc out of nothing");
      ++seen_.faults_memory;
      if (s.high % 2 != 0)
        throw;
    }
  } catch (const std::bad_alloc&) {
    note(at.id, "has no memory to spawn in", in);
    throw;
  }
  if (!made)
    co_return;
  const bool asked = asks(at);
  answer expected = answer::cancelled; // The call does not reach the group.
  if (asked) {
    note(at.id, "spawns in", in);
    expected = model_.spawn(at.id, in, next);
    const reference::task& self = model_.tasks[at.id];
    seen_.waited += expected == answer::waits && !self.lends;
    seen_.lent += expected == answer::waits && self.lends;
  }
  answer got = answer::granted;
  try {
    co_await std::move(*made);
  } catch (const system_error& e) {
    got = answer_of(e.code());
    const bool waited = expected == answer::waits;
    if (waited)
      expected = model_.tasks[at.id].last;
    require(got == expected, "spawn was refused", in);
    ++(got == answer::closed       ? seen_.closed
       : got == answer::overloaded ? seen_.overloaded
       : waited                    ? seen_.gave_up
                                   : seen_.refused);
    throw;
  }
  if (expected == answer::waits)
    expected = model_.tasks[at.id].last;
  require(expected == answer::granted, "spawn was not refused", in);
}

void program::try_spawn(const place& at, int in, const step& s) {
  const int next = model_.add_task();
  place there = place_in(at, in);
  there.id = next;
  there.budget += scripts * s.high;
  note(at.id, "tries to spawn in", in);
  task<> work;
  bool made = false;
  std::optional<spawn_status> got; // none: there was no memory
  bool failed = false;
  {
    const no_memory_here scarce(std::exchange(no_memory_at_, 0), false);
    try {
      work = child(presence(*this, next), there);
      made = true;
      got = groups_[in]->try_spawn(std::move(work));
    } catch (const std::bad_alloc&) {
      failed = scarce.failed() != 0;
    }
  }
  if (!got) {
    require(failed, "bad_alloc out of nothing");
    ++seen_.faults_memory;
    if (made) // It had a slot.
      model_.retract(in);
    return;
  }
  constexpr answer means[] = {
      answer::granted, answer::full, answer::cancelled, answer::closed};
  const answer expected = model_.try_spawn(in, next);
  require(means[static_cast<int>(*got)] == expected, "try_spawn", in);
  seen_.full += expected == answer::full;
}

// --- waits ---

task<> program::join(int id, int in) {
  note(id, "joins group", in);
  const join_mark pending(*this, in, model_.tasks[id].parent != in);
  co_await end_of(id, in, groups_[in]->join(), {});
}

task<> program::shut_down(place at, int in, step s) {
  note(at.id, "shuts down group", in);
  const milliseconds drain =
      s.high % 4 == 0 ? milliseconds(0) : alone(milliseconds(s.high % 4));
  // A group that was asked to stop before does not drain any more.
  const milliseconds soft = alone(milliseconds(1 + s.high / 4 % 4), drain);
  const join_mark pending(*this, in, parent_of(at) != in);
  co_await end_of(
      at.id, in, groups_[in]->shutdown({drain, soft}), {true, drain, soft});
}

// Updates the reference here: other tasks may run before this task begins.
task<> program::end_of(int id, int in, join_operation op, stages s) {
  const bool is_own = model_.tasks[id].parent == in;
  bool is_refused = false;
  if (!is_own) {
    if (s.shuts_down)
      model_.shutdown(in, clock::now(), s.drain, s.soft);
    // A cancelled task does not join even a group without children.
    is_refused = model_.is_cancelled(id) && model_.groups[in].children.empty();
    (void)model_.join(id, in);
  }
  std::exception_ptr error;
  try {
    co_await std::move(op);
  } catch (...) {
    error = std::current_exception();
  }
  if (!is_own) {
    if (is_refused)
      require(error != nullptr, "a cancelled task joined", in);
    else
      require_outcome(in, error);
    co_return;
  }
  ++seen_.would_deadlock;
  try {
    if (error)
      std::rethrow_exception(error);
    require(false, "a child joined its own group", in);
  } catch (const system_error& e) {
    require(e.code() == errc::would_deadlock, "a child's own join", in);
  }
}

task<> program::wait_in(place at, int in, bool stopping) {
  note(at.id, stopping ? "waits for a stop of" : "waits for the idle", in);
  const bool deadlocks = !stopping && parent_of(at) == in;
  answer expected = answer::cancelled;
  if (asks(at) && !deadlocks)
    expected = stopping ? model_.wait_stopping(at.id, in)
                        : model_.wait_idle(at.id, in);
  const bool waited = expected == answer::waits;
  std::exception_ptr error;
  try {
    group_wait_operation op =
        stopping ? groups_[in]->wait_stopping() : groups_[in]->wait_idle();
    co_await std::move(op);
  } catch (const system_error& e) {
    if (e.code() == errc::would_deadlock) {
      require(deadlocks, "would_deadlock", in);
      co_return;
    }
    if (waited)
      expected = model_.tasks[at.id].last;
    require(expected == answer::cancelled, "a wait was broken off", in);
    throw;
  }
  if (waited)
    expected = model_.tasks[at.id].last;
  require(expected == answer::granted && !deadlocks, "a wait ended", in);
}

// --- what does not wait, and allocates nothing ---

void program::interfere(const place& at, int in, const step& s) {
  task_group& group = *groups_[in];
  if (s.what == action::reopen) {
    note(at.id, "reopens group", in);
    if (is_static(in) && !is_late_)
      reopen(in);
    return;
  }
  milliseconds after(s.high % 5);
  if (s.what == action::cancel_after && after.count() != 0)
    after = alone(after);
  const std::size_t cap = 1 + s.high % 4;
  note(at.id, "does to group", in);
  switch (s.what) {
  case action::cancel:
    ++seen_.faults_cancel;
    model_.cancel(in, reference::cause::own);
    break;
  case action::close:
    model_.close(in);
    break;
  case action::resize:
    model_.set_cap(in, cap);
    break;
  case action::request_stop:
    model_.request_stop(in);
    break;
  default:
    if (after.count() == 0)
      model_.cancel(in, reference::cause::deadline);
    else
      model_.groups[in].cancels_at = clock::now() + after;
    break;
  }
  require(change(group, s.what, cap, after), "it allocates", in);
}

void program::reopen(int in) {
  const bool joined = model_.groups[in].joined;
  if (joined && joins_[in] != 0)
    return; // The group must not be reopened yet.
  try {
    groups_[in]->reopen();
  } catch (const std::logic_error&) {
    require(!joined, "a joined group was not reopened", in);
    return;
  }
  require(joined, "a group that is not joined was reopened", in);
  ++seen_.reopened;
  model_.reopen(in);
  errors_[in] = 0;
}

} // namespace weir::test::model
