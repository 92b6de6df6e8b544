// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/shield.hpp>
#include <weir/task.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

template <typename F>
concept cleanup_function =
    work_factory<std::reference_wrapper<std::decay_t<F>>>;

template <typename T, typename Cleanup>
task<T> run_finally(task<T> work, framed<Cleanup> cleanup) {
  outcome<T> result = co_await outcome_of<T>(std::move(work));
  outcome<void> cleaned = co_await outcome_of<void>(shield(
      call_work<std::reference_wrapper<Cleanup>>(std::ref(unframed(cleanup)))));
  if (result.has_value() && cleaned.error())
    cleaned.get();
  if (result.is_stopped())
    co_await pass_on_stop();
  co_return result.get();
}

} // namespace detail

/// Runs `work`, then the task that `cleanup()` returns. The clean-up runs
/// however `work` ends: with a value, an exception, or a cancellation (thrown
/// or unwound), also one from before. The clean-up is shielded. An exception of
/// the clean-up is thrown if `work` succeeded. In a cancelled task `work`
/// starts, and ends at its first await.
///
/// After runtime::stop() the clean-up does not start. If it has started, it is
/// not resumed: the operation that it waits for is ended, and its frame is
/// destroyed.
///
/// What `work` may be: see with_timeout().
///
/// Throws: at the call, `std::invalid_argument` for an empty task or callable;
///   see above.
/// Cancellation: as `work`. Resumes on: the task's strand.
/// Complexity: constant; four frames, five unless `work` is a task.
template <detail::work_argument Work, detail::cleanup_function Cleanup>
auto finally(Work&& work, Cleanup&& cleanup) {
  detail::require_safe_callables<Cleanup>();
  detail::require_callable(cleanup, "weir::finally");
  return detail::task_access::unchecked(
      detail::run_finally<detail::argument_value_t<Work>,
                          std::decay_t<Cleanup>>(
          detail::task_of(std::forward<Work>(work), "weir::finally"),
          std::forward<Cleanup>(cleanup)));
}
// For a readable compile error.
template <typename Work, typename Cleanup>
auto finally(Work&&, Cleanup&&) {
  if constexpr (!detail::work_argument<Work>)
    detail::explain_work<Work>();
  else if constexpr (detail::work<Cleanup>)
    static_assert(!detail::work<Cleanup>,
                  "weir::finally: the clean-up is called when the work has "
                  "ended: pass the coroutine function, not the task that it "
                  "returns");
  else
    detail::explain_work<Cleanup>();
  return detail::explained();
}

} // namespace weir
