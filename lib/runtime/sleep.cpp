// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>
#include <weir/sleep.hpp>

#include "runtime_core.hpp"

#include <chrono>

namespace weir {

namespace detail {

// On the strand.
bool sleep_step::start(task_core* self) noexcept {
  if (mark == passed)
    return true;
  const clock::time_point at = deadline();
  task = self;
  mark = started;
  self->runtime().timers().arm(*this, at);
  return false;
}

bool sleep_step::on_cancel() noexcept {
  if (!task->runtime().timers().disarm(*this))
    return false; // It has fired, or is about to.
  abort();
  return true;
}

void sleep_step::finish() const {
  if (mark == aborted)
    throw_aborted();
}

} // namespace detail
} // namespace weir
