// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/export.hpp>
#include <weir/detail/wait/timer_entry.hpp>

#include "cancel_scope.hpp"
#include "task_core.hpp"

#include <exception>

namespace weir::detail {

// Throws system_error(timed_out).
WEIR_API [[noreturn]] void throw_timed_out();

// A point in time, or a time from the start of what it limits.
class time_limit final {
public:
  explicit time_limit(clock::time_point deadline) noexcept
      : deadline_(deadline) {}
  explicit time_limit(clock::duration duration) noexcept
      : duration_(duration), is_relative_(true) {}

  // `now`: when what it limits starts.
  bool has_passed(clock::time_point now) const noexcept {
    return is_relative_ ? duration_ <= clock::duration::zero()
                        : deadline_ <= now;
  }
  clock::time_point deadline(clock::time_point now) const noexcept {
    return is_relative_ ? deadline_after(duration_, now) : deadline_;
  }

private:
  clock::time_point deadline_{};
  clock::duration duration_{};
  bool is_relative_ = false;
};

// A scope of a task that its timer cancels. Used on the task's strand, except
// for the timer, which fires on any pool thread.
class deadline_scope final : private timer_function {
public:
  WEIR_API deadline_scope(task_core& self, clock::time_point deadline) noexcept;
  deadline_scope(const deadline_scope&) = delete;
  deadline_scope& operator=(const deadline_scope&) = delete;
  // The timer is armed here only if the end of the runtime destroys the frame.
  WEIR_API ~deadline_scope();

  // As cancel_scope::leave.
  WEIR_API [[nodiscard]] bool leave() noexcept;

  // After leave(). True: the deadline ended the work, not a cancellation from
  // outside.
  WEIR_API [[nodiscard]] bool
  ended(bool stopped, const std::exception_ptr& error) const noexcept;

private:
  static void fire(timer_function& timer) noexcept;

  task_core& self_;
  cancel_scope scope_;
  bool armed_ = true;
};

} // namespace weir::detail
