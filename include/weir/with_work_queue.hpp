// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/run_scope.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/task.hpp>
#include <weir/work_queue.hpp>

#include <functional>
#include <optional>
#include <utility>

namespace weir {

namespace detail {

template <typename Body, typename T>
concept queue_body = work < std::invoke_result_t < std::decay_t<Body>
&, work_queue<T>& >> ;

template <typename T, typename F, typename Body>
task<>
run_work_queue(work_queue_options options, framed<F> f, framed<Body> body) {
  task_core& self = co_await this_core();
  std::optional<work_queue<T>> queue;
  // Made before the consumers run, because the allocation may fail.
  task<> work = call_body<void>(body, queue);
  queue.emplace(group_access::maker(self), options, std::move(unframed(f)));
  group_body scope(queue->group_, self);
  outcome<void> result =
      co_await outcome_of<void>(std::move(work), if_abandoned::failed);
  co_await leave_scope<group_body>(scope);
  (void)settle_body(scope, result);
  co_await queue->join(); // Throws the outcome, or unwinds. All ended.
}

} // namespace detail

/// Runs `body(queue)` with a new work_queue<T> that calls `f`, and joins it:
/// however the returned task completes, every consumer has ended by then.
///
///     co_await weir::with_work_queue<job>(
///         {.consumers = 8}, handle, [&](weir::work_queue<job>& jobs) ...
///
/// The body runs in the calling task. An error of a consumer that ends the
/// queue cancels the body. An exception of the body counts as an error of the
/// queue.
///
/// Throws: `std::invalid_argument` for options that work_queue refuses; what
///   work_queue::join() throws.
/// Cancellation: terminal; cancels body and consumers, joins them, then throws
///   or unwinds.
/// Resumes on: the task's strand.
template <typename T, typename F, typename Body>
task<> with_work_queue(work_queue_options options, F&& f, Body&& body) {
  detail::require_safe_callables<F, Body>();
  using function = std::decay_t<F>;
  if constexpr (!detail::consumes<T, detail::no_state, function>) {
    detail::explain_consumer<T, detail::no_state, function, void>();
    return {};
  } else if constexpr (!detail::queue_body<Body, T>) {
    detail::explain_body<work_queue<T>, Body>();
    return {};
  } else {
    return detail::run_work_queue<T, function, std::decay_t<Body>>(
        options, std::forward<F>(f), std::forward<Body>(body));
  }
}

} // namespace weir
