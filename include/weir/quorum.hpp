// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/contest.hpp>
#include <weir/detail/group/work_value.hpp>
#include <weir/group_error.hpp>
#include <weir/indexed_value.hpp>
#include <weir/task.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

// Throws invalid_argument unless 1 <= k <= tasks.
WEIR_API void require_quorum(std::size_t k, std::size_t tasks);

} // namespace detail

/// Runs all of `works` at once and gives the results of the first `k` that
/// succeed, in the order in which they ended; the others are cancelled, and
/// have ended when this completes.
///
/// Gives a `std::vector` of indexed_value when all have results of one type,
/// and else of `std::variant` with an alternative for each, whose index() is
/// the position. For the possible arguments and how they run see when_all().
///
/// What an argument that is too late has taken is lost. Exception: of those
/// operations that race() names, and that are arguments themselves, only the
/// first `k` take effect.
///
/// As soon as too many have failed for `k` to succeed, the rest is cancelled.
///
/// Throws: `std::invalid_argument`, at the call, when `k` is 0 or above the
///   number of tasks, and for an empty task or callable; a group_error when
///   fewer than `k` succeeded, with the errors of all that failed ordered by
///   position.
/// Cancellation: terminal; cancels all, waits until they have ended, then
///   throws `operation_aborted` or unwinds.
/// Resumes on: the task's strand.
/// Complexity: as when_all(), and two allocations; three for a range.
template <detail::work_argument... Works>
requires(sizeof...(Works) > 0) auto quorum(std::size_t k, Works&&... works) {
  using value = detail::raced_value<detail::argument_value_t<Works>...>;
  detail::require_quorum(k, sizeof...(Works));
  return detail::run_contest<value, false>(
      k,
      "quorum",
      std::tuple<detail::entrant<Works>...>(
          detail::entrant_of(std::forward<Works>(works), "weir::quorum")...));
}

/// The same for a range of tasks, passed as to when_all(). Gives a
/// `std::vector` of indexed_value.
template <detail::task_range Range>
auto quorum(std::size_t k, Range&& works) {
  using result = detail::range_value<Range>;
  using value = detail::raced_value<result>;
  auto tasks = detail::tasks_of(std::forward<Range>(works), "weir::quorum");
  detail::require_quorum(k, tasks.size());
  return detail::run_contest<value, false>(k, "quorum", std::move(tasks));
}
// For a readable compile error.
template <typename... Works>
auto quorum(std::size_t, Works&&...) {
  static_assert(sizeof...(Works) != 0, "weir::quorum: name at least one task");
  return detail::explain_arguments<Works...>();
}
template <typename First, typename... Works>
requires(!std::is_convertible_v<First, std::size_t>) auto quorum(First&&,
                                                                 Works&&...) {
  static_assert(std::is_convertible_v<First, std::size_t>,
                "weir::quorum: how many must succeed comes first, then the "
                "tasks");
  return detail::explained();
}

} // namespace weir
