// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/run_scope.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/result.hpp>
#include <weir/result_group.hpp>
#include <weir/task.hpp>

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

namespace detail {

struct result_group_access {
  template <typename T>
  static task_group& group(result_group<T>& g) noexcept {
    return g.group_;
  }
};

template <typename Body, typename T>
concept result_body = is_task < std::invoke_result_t < std::decay_t<Body>
&, result_group<T>& >> ::value;

template <typename T, typename Body>
task<std::vector<result<T>>> run_result_group(task_group_options options,
                                              framed<Body> body) {
  task_core& self = co_await this_core();
  result_group<T> group(group_access::maker(self), options);
  group_body scope(result_group_access::group(group), self);
  outcome<void> ended = co_await outcome_of_body<void>(body, group);
  co_await leave_scope<group_body>(scope);
  const bool has_failed = settle_body(scope, ended);
  std::vector<result<T>> results = co_await group.join();
  // Under keep_going join() reports no child's error. The body has no slot, so
  // its error is thrown here.
  if (has_failed)
    ended.get();
  co_return results;
}

} // namespace detail

/// Runs `body(group)` with a new result_group<T>, joins it and returns the
/// results in the order in which the children were spawned.
///
///     auto pages = weir::values(co_await weir::with_result_group<page>(
///         {.max_in_flight = 8},
///         [&](weir::result_group<page>& group) -> weir::task<> {
///           for (const auto& url : urls)
///             co_await group.spawn(fetch(url));
///         }));
///
/// The body runs in the calling task. It is cancelled, and its error counts, as
/// with with_task_group(). What it returns is discarded.
///
/// Throws: `std::invalid_argument` for options that result_group refuses; what
///   result_group::join() throws; under keep_going and collect() also what the
///   body threw.
/// Cancellation: terminal; cancels body and children, joins them, then throws
///   or unwinds.
/// Resumes on: the task's strand.
/// Complexity: linear in the results.
template <typename T, detail::result_body<T> Body>
task<std::vector<result<T>>> with_result_group(task_group_options options,
                                               Body&& body) {
  detail::require_safe_callables<Body>();
  return detail::run_result_group<T, std::decay_t<Body>>(
      options, std::forward<Body>(body));
}
// For a readable compile error.
template <typename T, typename Body>
detail::explained with_result_group(task_group_options, Body&&) {
  detail::explain_body<result_group<T>, Body>();
  return {};
}
template <typename T, typename Body>
detail::explained with_result_group(Body&&) {
  detail::explain_no_options<Body>();
  return {};
}

} // namespace weir
