// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/cancel_scope.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/task.hpp>

#include <utility>

namespace weir {

namespace detail {

template <typename T>
task<T> run_shielded(task<T> work) {
  task_core& self = co_await this_core();
  cancel_scope scope(self, cancel_scope::kind::shield);
  outcome<T> result = co_await outcome_of<T>(std::move(work));
  co_await leave_scope<cancel_scope>(scope);
  if (result.is_stopped())
    co_await pass_on_stop();
  co_return result.get();
}

} // namespace detail

/// Runs `work` and hides cancellations from outside from it, even when the task
/// is cancelled already: for closing a connection or rolling back. A hidden
/// cancellation is seen at the next await after the shield. Put a
/// with_timeout() inside: every task that joins this task waits for `work`.
///
/// It does not hide runtime::stop(), which ends what `work` waits for and
/// destroys its frame.
///
/// What `work` may be: see with_timeout().
///
/// Throws: at the call, `std::invalid_argument` for an empty task or callable;
///   what `work` throws.
/// Cancellation: none from outside, not even on entry; scopes inside `work` act
///   as usual.
/// Resumes on: the task's strand.
/// Complexity: constant; one frame, two unless `work` is a task.
/// Source: Trio's shielded cancel scope.
template <detail::work_argument Work>
auto shield(Work&& work) {
  return detail::task_access::unchecked(
      detail::run_shielded<detail::argument_value_t<Work>>(
          detail::task_of(std::forward<Work>(work), "weir::shield")));
}
// For a readable compile error.
template <typename Work>
auto shield(Work&&) {
  detail::explain_work<Work>();
  return detail::explained();
}

} // namespace weir
