// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/group_steps.hpp>
#include <weir/task.hpp>

#include <utility>

namespace weir {

namespace detail {

// Sets how the current task ends its awaits, while it lives. On the strand.
class unwind_mode {
public:
  unwind_mode(task_core& core, bool unwinds) noexcept
      : core_(core), before_(core.unwinds()) {
    core.unwinds(unwinds);
  }
  unwind_mode(const unwind_mode&) = delete;
  unwind_mode& operator=(const unwind_mode&) = delete;
  ~unwind_mode() { core_.unwinds(before_); }

private:
  task_core& core_;
  bool before_;
};

} // namespace detail

/// Runs `work` under on_cancel::unwind: when the task is cancelled, the frames
/// inside `work` are destroyed from the inside out, without an exception. The
/// caller's own frame then does as its task does: it throws
/// `operation_aborted`, or is unwound too.
///
/// Cancellation: terminal. Resumes on: the task's strand.
/// Complexity: constant; one frame.
template <typename T>
task<T> unwinding(task<T> work) {
  detail::task_core& self = co_await detail::this_core();
  bool outer_unwinds = self.unwinds();
  detail::unwind_mode mode(self, true);
  detail::outcome<T> result = co_await detail::outcome_of<T>(std::move(work));
  if (result.is_stopped()) {
    if (outer_unwinds)
      co_await detail::pass_on_stop();
    detail::throw_aborted();
  }
  co_return result.get();
}

} // namespace weir
