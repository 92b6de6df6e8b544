// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/group/work_value.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <cassert>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

namespace detail {

template <typename... Ts, std::size_t... I>
void spawn_fills(task_group& group,
                 std::tuple<task<Ts>...>& works,
                 std::tuple<std::optional<kept_value<Ts>>...>& kept,
                 std::index_sequence<I...>) {
  (void)(spawn_fill(group, std::get<I>(std::move(works)), std::get<I>(kept)) &&
         ...);
}

template <typename... Ts>
task<std::tuple<kept_value<Ts>...>> run_when_all(std::tuple<task<Ts>...> works,
                                                 const char* name) {
  task_core& self = co_await this_core();
  // Declared before the group, because its children refer to them.
  std::tuple<std::optional<kept_value<Ts>>...> kept;
  task_group group(group_access::maker(self),
                   children_of(self, on_error::cancel_siblings, name));
  const std::exception_ptr failed = launch_into(group, [&] {
    spawn_fills<Ts...>(group, works, kept, std::index_sequence_for<Ts...>());
  });
  co_await group.join();
  if (failed)
    std::rethrow_exception(failed);
  co_return std::apply(
      [](auto&... value) {
        assert((value.has_value() && ...));
        return std::tuple<kept_value<Ts>...>(std::move(*value)...);
      },
      kept);
}

template <typename T>
using all_values =
    std::conditional_t<std::is_void_v<T>, void, std::vector<kept_value<T>>>;

template <typename T>
task<all_values<T>> run_when_all_of(std::vector<task<T>> works) {
  task_core& self = co_await this_core();
  std::vector<std::optional<kept_value<T>>> kept(works.size());
  task_group group(group_access::maker(self),
                   children_of(self, on_error::cancel_siblings, "when_all"));
  const std::exception_ptr failed = launch_into(group, [&] {
    for (std::size_t i = 0; i != works.size(); ++i)
      if (!spawn_fill(group, std::move(works[i]), kept[i]))
        break;
  });
  co_await group.join();
  if (failed)
    std::rethrow_exception(failed);
  if constexpr (!std::is_void_v<T>) {
    std::vector<kept_value<T>> values;
    values.reserve(kept.size());
    for (auto& value : kept) {
      assert(value.has_value());
      values.push_back(std::move(*value));
    }
    co_return values;
  }
}

} // namespace detail

/// Runs all of `works` at once and gives their results, in the order of the
/// arguments: a `std::tuple` with a `std::monostate` for one without a result,
/// a `std::reference_wrapper` for a reference.
///
/// Each may be what task_group::spawn() takes: a task, an `asio::awaitable`, an
/// Asio operation (for example made with `asio::deferred`), an operation of
/// weir, or a callable that returns one of these. They are children of a group
/// of their own, so they run in parallel on the runtime's threads; like the
/// awaiting task they throw or unwind when they are cancelled. None outlives
/// the returned task. There is no cap: for many, see task_group.
///
/// Throws: `std::invalid_argument`, at the call, for an empty task or callable;
///   the first error, unchanged, after the others were cancelled and have
///   ended.
/// Cancellation: terminal; cancels all, waits until they have ended, then
///   throws `operation_aborted` or unwinds; results are dropped then.
/// Resumes on: the task's strand.
/// Complexity: linear; a frame, a group, and two frames and a control block
///   for each, from a per-thread cache.
/// Source: Kotlin's `awaitAll`, Java's `Joiner.allSuccessfulOrThrow`.
template <detail::work_argument... Works>
auto when_all(Works&&... works) {
  return detail::run_when_all<detail::argument_value_t<Works>...>(
      std::tuple<task<detail::argument_value_t<Works>>...>(
          detail::task_of(std::forward<Works>(works), "weir::when_all")...),
      "when_all");
}

/// The same for a range of tasks: a `std::vector` with their results in the
/// order of the range; nothing for tasks without a result.
///
/// The tasks are moved out at the call. A container must be an rvalue:
/// `when_all(std::move(tasks))`; a view must yield rvalues, as
/// `std::views::transform` with a coroutine function does.
template <detail::task_range Range>
auto when_all(Range&& works) {
  return detail::run_when_all_of<detail::range_value<Range>>(
      detail::tasks_of(std::forward<Range>(works), "weir::when_all"));
}
// For a readable compile error.
template <typename... Works>
auto when_all(Works&&...) {
  return detail::explain_arguments<Works...>();
}

} // namespace weir
