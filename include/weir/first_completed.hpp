// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/contest.hpp>
#include <weir/detail/group/work_value.hpp>
#include <weir/indexed_value.hpp>
#include <weir/task.hpp>

#include <stdexcept>
#include <tuple>
#include <utility>

namespace weir {

/// Runs all of `works` at once until the first of them completes, with a
/// result or with an error: gives that result, or throws that error. The others
/// are cancelled, and have ended when this completes.
///
///     co_await weir::first_completed(read(peer), group.wait_stopping());
///
/// race() continues after an error, because another may still succeed;
/// first_completed() does not.
///
/// Gives what race() gives: an indexed_value when all have results of one type,
/// and else a `std::variant` with an alternative for each, whose index() is the
/// position. For the possible arguments and how they run see when_all(). An
/// argument that ignores its cancellation delays the result; a result or an
/// error that comes too late is dropped. For what the others have taken by then
/// see race().
///
/// Throws: `std::invalid_argument`, at the call, for an empty task or callable;
///   what the first to complete threw, unchanged, also an `operation_aborted`
///   that no cancellation caused.
/// Cancellation: terminal; cancels all, waits until they have ended, then
///   throws `operation_aborted` or unwinds.
/// Resumes on: the task's strand.
/// Complexity: as race().
/// Source: Python's `asyncio.wait(return_when=FIRST_COMPLETED)`, tokio's
///   `select!`, Asio's `wait_for_one`.
template <detail::work_argument... Works>
requires(sizeof...(Works) > 0) auto first_completed(Works&&... works) {
  using value = detail::raced_value<detail::argument_value_t<Works>...>;
  return detail::run_contest<value, true>(
      1,
      "first_completed",
      std::tuple<detail::entrant<Works>...>(detail::entrant_of(
          std::forward<Works>(works), "weir::first_completed")...),
      detail::contest_end::by_any_error);
}

/// The same for a range of tasks, passed as to when_all(). Gives an
/// indexed_value.
///
/// Throws, at the call: `std::invalid_argument` for an empty range.
template <detail::task_range Range>
auto first_completed(Range&& works) {
  using result = detail::range_value<Range>;
  using value = detail::raced_value<result>;
  auto tasks =
      detail::tasks_of(std::forward<Range>(works), "weir::first_completed");
  if (tasks.empty())
    throw std::invalid_argument(
        "weir::first_completed: the range has 0 tasks, must have at least 1");
  return detail::run_contest<value, true>(1,
                                          "first_completed",
                                          std::move(tasks),
                                          detail::contest_end::by_any_error);
}
// For a readable compile error.
template <typename... Works>
auto first_completed(Works&&...) {
  static_assert(sizeof...(Works) != 0,
                "weir::first_completed: name at least one task");
  return detail::explain_arguments<Works...>();
}

} // namespace weir
