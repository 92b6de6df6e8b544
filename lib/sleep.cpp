// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/abort.hpp>
#include <weir/sleep.hpp>

#include "runtime_core.hpp"

namespace weir::detail {

clock::time_point deadline_after(clock::duration d,
                                 clock::time_point now) noexcept {
  if (d <= clock::duration::zero())
    return now;
  if (d > clock::time_point::max() - now)
    return clock::time_point::max();
  return now + d;
}

// On the strand.
bool sleep_step::start(waiter& w, task_core* self) noexcept {
  if (passed_)
    return true;
  task = self;
  const clock::time_point deadline = deadline_;
  waiter_ = &w;
  self->runtime().timers().arm(*this, deadline);
  return false;
}

// A pool thread, no lock held.
void sleep_step::fire(timer_entry& entry) noexcept {
  auto& self = static_cast<sleep_step&>(entry);
  self.waiter_->complete(*self.waiter_); // *self may be gone.
}

bool sleep_step::on_cancel(waiter&) noexcept {
  aborted_ = task->runtime().timers().disarm(*this);
  return aborted_;
}

void sleep_step::withdraw(waiter&) noexcept {
  task->runtime().timers().disarm(*this);
}

void sleep_step::finish() const {
  if (aborted_)
    throw_aborted();
}

} // namespace weir::detail
