// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/as_task.hpp>
#include <weir/detail/group_steps.hpp>
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
task<T> run_finally(task<T> work, Cleanup cleanup) {
  outcome<T> result = co_await outcome_of<T>(std::move(work));
  outcome<void> cleaned = co_await outcome_of<void>(
      shield(call_work<std::reference_wrapper<Cleanup>>(std::ref(cleanup))));
  if (result.has_value() && cleaned.error())
    cleaned.get();
  if (result.is_stopped())
    co_await pass_on_stop();
  co_return result.get();
}

} // namespace detail

/// Runs `work`, then the task that `cleanup()` returns, on every way out: a
/// value, an exception, a cancellation in either form, also one from before.
/// The clean-up is shielded. Its exception is thrown unless `work` failed.
///
/// Not run when the runtime is stopped: frames are then destroyed unresumed.
///
/// Cancellation: as `work`. Resumes on: the task's strand.
/// Complexity: constant; four frames.
template <typename T, detail::cleanup_function Cleanup>
task<T> finally(task<T> work, Cleanup&& cleanup) {
  static_assert(detail::safe_in_co_await<Cleanup>,
                "g++ 12 destroys this callable twice inside a co_await "
                "expression. Capture by reference, or name the callable and "
                "pass it as an lvalue");
  return detail::task_access::unchecked(
      detail::run_finally<T, std::decay_t<Cleanup>>(
          std::move(work), std::forward<Cleanup>(cleanup)));
}

} // namespace weir
