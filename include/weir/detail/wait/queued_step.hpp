// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "operation_base.hpp"
#include "wait_queue.hpp"
#include "waiter.hpp"

#include <utility>

namespace weir::detail {

namespace asio = boost::asio;

// What steps that wait in a queue of one of our objects (a limiter, a channel)
// have in common. The queue's lock guards it until it was taken out; whoever
// takes it out sets what it waited for, lets go of the lock and calls
// complete_step().
//
// The object must outlive the wait, but not the completion: once completed, a
// step does not touch it.
class queued_step : public coded_operation {
public:
  // Once it has started: its object is gone, or it never waited.
  bool is_orphaned() const noexcept { return who == nullptr; }

  // The queue's, and the lock's that guards it.
  queued_step* prev = nullptr;
  queued_step* next = nullptr;
  waiter* who = nullptr;
  bool queued = false;

protected:
  queued_step() = default;
  // Only before it is started.
  queued_step(queued_step&& other) noexcept : coded_operation(other) {}
  ~queued_step() = default;
};

using step_queue = wait_queue<queued_step>;

// Lock held: `step` waits from now on, for `who`.
inline void
enqueue(step_queue& queue, queued_step& step, waiter& who) noexcept {
  step.who = &who;
  step.queued = true;
  queue.push_back(step);
}

// Lock held. False: it was taken out already, its completion follows.
inline bool withdraw(step_queue& queue, queued_step& step) noexcept {
  if (!step.queued)
    return false;
  step.queued = false;
  queue.erase(step);
  return true;
}

// Lock held: the first that waits, taken out; null if none does.
inline queued_step* dequeue(step_queue& queue) noexcept {
  queued_step* const step = queue.pop_front();
  if (step != nullptr)
    step->queued = false;
  return step;
}

// No lock held. *step may be destroyed afterwards.
inline void complete_step(queued_step& step) noexcept {
  step.who->complete(*step.who);
}
// The same, and the object goes with it: at the end of a runtime, if what waits
// is no task.
inline void orphan(queued_step& step) noexcept {
  waiter* const w = std::exchange(step.who, nullptr);
  w->complete(*w);
}
inline void complete_all(step_queue& woken) noexcept {
  while (queued_step* const step = woken.pop_front())
    complete_step(*step);
}

} // namespace weir::detail
