// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/contest.hpp>
#include <weir/detail/group/work_value.hpp>
#include <weir/group_error.hpp>
#include <weir/indexed_value.hpp>
#include <weir/task.hpp>

#include <stdexcept>
#include <tuple>
#include <utility>

namespace weir {

/// Runs all of `works` at once and gives the result of the first that
/// succeeds; the others are cancelled, and have ended when this completes.
///
/// Gives an indexed_value when all have results of one type, and else a
/// `std::variant` with an alternative for each, whose index() is the position
/// of the winner. As in when_all(), `std::monostate` stands for no result and
/// a `std::reference_wrapper` for a reference.
///
/// For the possible arguments and how they run see when_all(). A loser that
/// ignores its cancellation delays the result; a result that comes too late is
/// dropped, and so is the error of a loser.
///
/// What a loser has taken may be lost. This cannot happen with a channel's
/// receive() and send(), a work_queue's push() and a completion_group's next()
/// that are arguments themselves:
///
///     co_await weir::race(a.receive(), b.receive(), weir::sleep_for(1s));
///
/// Of these only the winner takes effect, and even a cancellation from outside
/// does not lose its value. A permit that comes too late is given back.
/// Everything else that a loser took is lost, also what a task or callable
/// received: values of receive_any(), bytes of a socket, a child that was
/// spawned. To take from several channels in a task use receive_any(), or race
/// the receives.
///
/// Throws: `std::invalid_argument`, at the call, for an empty task or callable;
///   a group_error when all failed, with all errors ordered by position. An
///   argument that throws `operation_aborted` by itself has failed.
/// Cancellation: terminal; cancels all, waits until they have ended, then
///   throws `operation_aborted` or unwinds.
/// Resumes on: the task's strand.
/// Complexity: as when_all(), and an allocation for a range.
/// Source: Java's `Joiner.anySuccessfulOrThrow`, JavaScript's `Promise.any`.
template <detail::work_argument... Works>
requires(sizeof...(Works) > 0) auto race(Works&&... works) {
  using value = detail::raced_value<detail::argument_value_t<Works>...>;
  return detail::run_contest<value, true>(
      1,
      "race",
      std::tuple<detail::entrant<Works>...>(
          detail::entrant_of(std::forward<Works>(works), "weir::race")...));
}

/// The same for a range of tasks, passed as to when_all(). Gives an
/// indexed_value.
///
/// Throws, at the call: `std::invalid_argument` for an empty range.
template <detail::task_range Range>
auto race(Range&& works) {
  using result = detail::range_value<Range>;
  using value = detail::raced_value<result>;
  auto tasks = detail::tasks_of(std::forward<Range>(works), "weir::race");
  if (tasks.empty())
    throw std::invalid_argument(
        "weir::race: the range has 0 tasks, must have at least 1");
  return detail::run_contest<value, true>(1, "race", std::move(tasks));
}
// For a readable compile error.
template <typename... Works>
auto race(Works&&...) {
  static_assert(sizeof...(Works) != 0, "weir::race: name at least one task");
  return detail::explain_arguments<Works...>();
}

} // namespace weir
