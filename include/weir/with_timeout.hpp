// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/deadline_scope.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/task.hpp>

#include <chrono>
#include <type_traits>
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
///     co_await weir::with_timeout(1s, inbox.receive());
///
/// `work` may be what task_group::spawn() takes: a task, an `asio::awaitable`,
/// an Asio operation (for example made with `asio::deferred`), an operation of
/// weir, or a callable that returns one of these. The returned task owns
/// `work`, and gives what `co_await` of it gives.
///
/// The work always ends before the returned task does. Work that ignores its
/// cancellation delays the returned task, and a result that arrives in spite of
/// the deadline is returned. After the deadline every await of `work` throws,
/// ready or not. If the deadline is in the past, `work` is destroyed unstarted.
///
/// Throws: at the call, `std::invalid_argument` for an empty task or callable;
///   `asio::error::timed_out` when the deadline ended the work; what `work`
///   throws. A cancellation from outside stays `operation_aborted`.
/// Cancellation: checked on entry: if the task is cancelled, `work` is
///   destroyed unstarted; then as `work`.
/// Resumes on: the task's strand.
/// Complexity: constant; one frame, two unless `work` is a task, one timer in
///   the wheel.
/// Source: Trio's `fail_after`.
template <detail::work_argument Work>
auto with_deadline(clock::time_point deadline, Work&& work) {
  return detail::run_until<detail::argument_value_t<Work>>(
      detail::time_limit(deadline),
      detail::task_of(std::forward<Work>(work), "weir::with_deadline"));
}
// For a readable compile error.
template <typename Deadline, typename Work>
requires(
    !detail::work_argument<Work> ||
    !std::is_convertible_v<Deadline,
                           clock::time_point>) auto with_deadline(Deadline&&,
                                                                  Work&&) {
  if constexpr (detail::work_argument<Work>)
    static_assert(std::is_convertible_v<Deadline, clock::time_point>,
                  "weir::with_deadline: the deadline must be a time point of "
                  "weir::clock");
  else
    detail::explain_work<Work>();
  return detail::explained();
}

/// As with_deadline(), with a deadline `duration` after the returned task
/// starts. A negative duration is in the past.
template <typename Rep, typename Period, detail::work_argument Work>
auto with_timeout(std::chrono::duration<Rep, Period> duration, Work&& work) {
  return detail::run_until<detail::argument_value_t<Work>>(
      detail::time_limit(detail::saturated(duration)),
      detail::task_of(std::forward<Work>(work), "weir::with_timeout"));
}
// For a readable compile error.
template <typename Duration, typename Work>
requires(!detail::work_argument<Work> ||
         !detail::is_duration<std::remove_cvref_t<Duration>>::
             value) auto with_timeout(Duration&&, Work&&) {
  if constexpr (detail::work_argument<Work>)
    static_assert(
        detail::is_duration<std::remove_cvref_t<Duration>>::value,
        "weir::with_timeout: the time must be a std::chrono::duration, "
        "as 5s is");
  else
    detail::explain_work<Work>();
  return detail::explained();
}

} // namespace weir
