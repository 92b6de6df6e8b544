// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/group/join_block.hpp>
#include <weir/detail/group/work_value.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <cassert>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

namespace detail {

template <typename... Ts>
class all_of_pack final : public join_block {
public:
  all_of_pack(task_core& self, const char* name, std::tuple<task<Ts>...>& works)
      : join_block(self, name) {
    std::apply(
        [this](auto&... work) { (add(unstarted(std::move(work))), ...); },
        works);
  }

  all_of_pack(const all_of_pack&) = delete;
  all_of_pack& operator=(const all_of_pack&) = delete;
  ~all_of_pack() { close(); }

  std::tuple<kept_value<Ts>...> take() {
    return std::apply(
        [](auto&... value) {
          assert((value.has_value() && ...));
          return std::tuple<kept_value<Ts>...>(std::move(*value)...);
        },
        values_);
  }

private:
  void keep(task_core& core) override {
    keep_one(core, std::index_sequence_for<Ts...>());
  }
  template <std::size_t... I>
  void keep_one(task_core& core, std::index_sequence<I...>) {
    (void)((core.index == I &&
            (std::get<I>(values_).emplace(take_kept<Ts>(core)), true)) ||
           ...);
  }

  std::tuple<std::optional<kept_value<Ts>>...> values_;
};

template <typename... Ts>
task<std::tuple<kept_value<Ts>...>> run_when_all(std::tuple<task<Ts>...> works,
                                                 const char* name) {
  task_core& self = co_await this_core();
  all_of_pack<Ts...> all(self, name, works);
  co_await await_join(all);
  co_return all.take();
}

template <typename T>
using all_values =
    std::conditional_t<std::is_void_v<T>, void, std::vector<kept_value<T>>>;

template <typename T>
class all_of_range final : public join_block {
public:
  all_of_range(task_core& self, std::vector<task<T>>& works)
      : join_block(self, "when_all") {
    if constexpr (!std::is_void_v<T>)
      values_.resize(works.size());
    for (task<T>& work : works)
      add(unstarted(std::move(work)));
  }

  all_of_range(const all_of_range&) = delete;
  all_of_range& operator=(const all_of_range&) = delete;
  ~all_of_range() { close(); }

  all_values<T> take() {
    if constexpr (!std::is_void_v<T>) {
      std::vector<kept_value<T>> values;
      values.reserve(values_.size());
      for (auto& value : values_) {
        assert(value.has_value());
        values.push_back(std::move(*value));
      }
      return values;
    }
  }

private:
  void keep(task_core& core) override {
    if constexpr (!std::is_void_v<T>)
      values_[core.index].emplace(take_kept<T>(core));
  }

  std::vector<std::optional<kept_value<T>>> values_;
};

template <typename T>
task<all_values<T>> run_when_all_of(std::vector<task<T>> works) {
  task_core& self = co_await this_core();
  all_of_range<T> all(self, works);
  co_await await_join(all);
  co_return all.take();
}

} // namespace detail

/// Runs all of `works` at once and gives their results, in the order of the
/// arguments: a `std::tuple` with a `std::monostate` for one without a result,
/// a `std::reference_wrapper` for a reference.
///
/// Each may be what task_group::spawn() takes: a task, an `asio::awaitable`, an
/// Asio operation (for example made with `asio::deferred`), an operation of
/// weir, or a callable that returns one of these. Each is a task of its
/// own, so they run in parallel on the runtime's threads; like the
/// awaiting task they throw or unwind when they are cancelled. None outlives
/// the returned task. There is no cap: for many, see task_group.
///
/// Throws: `std::invalid_argument`, at the call, for an empty task or callable;
///   the first error, unchanged, after the others were cancelled and have
///   ended.
/// Cancellation: terminal; cancels all, waits until they have ended, then
///   throws `operation_aborted` or unwinds; results are dropped then.
/// Resumes on: the task's strand.
/// Complexity: linear; a frame, and a frame and a control block for each, from
///   a per-thread cache.
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
