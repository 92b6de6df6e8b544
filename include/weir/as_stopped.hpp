// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/task.hpp>
#include <weir/unwinding.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

template <typename T>
using stopped_value =
    std::conditional_t<std::is_void_v<T>,
                       bool,
                       std::conditional_t<std::is_reference_v<T>,
                                          std::remove_reference_t<T>*,
                                          std::optional<T>>>;

template <typename T>
task<stopped_value<T>> run_as_stopped(task<T> work) {
  task_core& self = co_await this_core();
  unwind_mode mode(self, true);
  outcome<T> result = co_await outcome_of<T>(std::move(work));
  if (result.is_stopped())
    co_return stopped_value<T>();
  if constexpr (std::is_void_v<T>) {
    result.get();
    co_return true;
  } else if constexpr (std::is_reference_v<T>) {
    co_return std::addressof(result.get());
  } else {
    co_return stopped_value<T>(result.get());
  }
}

} // namespace detail

/// Runs `work` under on_cancel::unwind and returns whether a cancellation
/// stopped it. If it was stopped, returns an empty `optional`; for void,
/// `false`; for a reference, a null pointer. Other exceptions are passed on.
/// The task stays cancelled: its next await ends it, unless shielded.
///
/// runtime::stop() does not become a value: it destroys the frames of the
/// caller, too.
///
/// What `work` may be: see with_timeout().
///
/// Throws: at the call, `std::invalid_argument` for an empty task or callable;
///   what `work` throws.
/// Cancellation: a cancellation of `work` becomes the returned value.
/// Resumes on: the task's strand.
/// Complexity: constant; two frames, three unless `work` is a task.
/// Source: stdexec's `stopped_as_optional`.
template <detail::work_argument Work>
auto as_stopped(Work&& work) {
  return detail::task_access::unchecked(
      detail::run_as_stopped<detail::argument_value_t<Work>>(
          detail::task_of(std::forward<Work>(work), "weir::as_stopped")));
}
// For a readable compile error.
template <typename Work>
auto as_stopped(Work&&) {
  detail::explain_work<Work>();
  return detail::explained();
}

} // namespace weir
