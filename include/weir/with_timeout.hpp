// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/deadline_scope.hpp>
#include <weir/detail/group_steps.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>

#include <chrono>
#include <utility>

namespace weir {

namespace detail {

template <typename T>
task<T> run_until(time_limit limit, task<T> work) {
  task_core& self = co_await this_core();
  const clock::time_point now = clock::now();
  if (limit.has_passed(now))
    throw_timed_out();
  deadline_scope scope(self, limit.deadline(now));
  outcome<T> result = co_await outcome_of<T>(std::move(work));
  co_await leave_scope<deadline_scope>(scope);
  if (scope.ended(result.is_stopped(), result.error()))
    throw_timed_out();
  if (result.is_stopped())
    co_await pass_on_stop();
  co_return result.get();
}

} // namespace detail

/// Runs `work` and cancels it at `deadline`.
///
/// The work always ends before the returned task does: one that ignores its
/// cancellation delays it, and a result that arrives in spite of the deadline
/// is returned. In the past, `work` is destroyed unstarted.
///
/// Throws: `asio::error::timed_out` when the deadline ended the work; what
///   `work` throws. A cancellation from outside stays `operation_aborted`.
/// Cancellation: as `work`.
/// Resumes on: the task's strand.
/// Complexity: constant; one frame, one timer in the wheel.
/// Source: Trio's `fail_after`.
template <typename T>
task<T> with_deadline(clock::time_point deadline, task<T> work) {
  return detail::run_until<T>(detail::time_limit(deadline), std::move(work));
}

/// with_deadline() `duration` from when the returned task starts. A negative
/// duration is in the past.
template <typename Rep, typename Period, typename T>
task<T> with_timeout(std::chrono::duration<Rep, Period> duration,
                     task<T> work) {
  return detail::run_until<T>(detail::time_limit(detail::saturated(duration)),
                              std::move(work));
}

} // namespace weir
