// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/task.hpp>

#include <utility>

namespace weir {

namespace detail {

// Sets how the current task ends its awaits, for the lifetime of this object.
// On the strand.
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

template <typename T>
task<T> run_unwinding(task<T> work) {
  task_core& self = co_await this_core();
  bool outer_unwinds = self.unwinds();
  unwind_mode mode(self, true);
  outcome<T> result = co_await outcome_of<T>(std::move(work));
  if (result.is_stopped()) {
    if (outer_unwinds)
      co_await pass_on_stop();
    throw_aborted();
  }
  co_return result.get();
}

} // namespace detail

/// Runs `work` under on_cancel::unwind: when the task is cancelled, the frames
/// inside `work` are destroyed from the inside out, without an exception. The
/// caller's own frame then ends in the way of its task: it throws
/// `operation_aborted`, or is unwound too. What `work` may be: see
/// with_timeout().
///
/// Throws: at the call, `std::invalid_argument` for an empty task or callable;
///   what `work` throws.
/// Cancellation: terminal. Resumes on: the task's strand.
/// Complexity: constant; one frame, two unless `work` is a task.
template <detail::work_argument Work>
auto unwinding(Work&& work) {
  return detail::run_unwinding<detail::argument_value_t<Work>>(
      detail::task_of(std::forward<Work>(work), "weir::unwinding"));
}

} // namespace weir
