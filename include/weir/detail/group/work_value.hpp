// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// What when_all(), race() and quorum() share: the results of tasks.

namespace weir::detail {

// A result as it is kept in a tuple, a variant or a vector.
template <typename T>
struct kept_type {
  using type = T;
};
template <typename T>
struct kept_type<T&> {
  using type = std::reference_wrapper<T>;
};
template <>
struct kept_type<void> {
  using type = std::monostate;
};
template <typename T>
using kept_value = typename kept_type<T>::type;

// The value that a child's root coroutine has returned.
template <typename T>
kept_value<T> take_kept(task_core& core) {
  auto& promise = static_cast<typename task<T>::promise_type&>(*core.root());
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return kept_value<T>(promise.take_value());
}

template <typename R>
using range_task = std::remove_cvref_t<std::ranges::range_reference_t<R>>;

// Tasks that may be moved out: `R` is an rvalue that owns them, or makes them.
template <typename R>
concept task_range = std::ranges::input_range<R> &&
    is_task<range_task<R>>::value &&
    (!std::is_lvalue_reference_v<std::ranges::range_reference_t<R>> ||
     (!std::is_reference_v<R> && !std::ranges::view<R> &&
      !std::is_const_v<
          std::remove_reference_t<std::ranges::range_reference_t<R>>>));

template <task_range R>
using range_value = typename range_task<R>::value_type;

template <task_range R>
std::vector<range_task<R>> tasks_of(R&& range, const char* who) {
  std::vector<range_task<R>> tasks;
  if constexpr (std::ranges::sized_range<R>)
    tasks.reserve(static_cast<std::size_t>(std::ranges::size(range)));
  for (auto&& one : range) {
    require_task(one, who);
    tasks.push_back(std::move(one));
  }
  return tasks;
}

// Of an argument of when_all() and the like that is no work.
template <typename Arg>
void explain_argument() {
  if constexpr (work_argument<Arg>) {
    return;
  } else if constexpr (std::ranges::range<Arg>) {
    if constexpr (is_task<std::remove_cvref_t<
                      std::ranges::range_value_t<Arg>>>::value)
      static_assert(!std::ranges::range<Arg>,
                    "the tasks are moved out of a range: pass it as an rvalue, "
                    "std::move(tasks), and as the only one");
    else
      static_assert(!std::ranges::range<Arg>,
                    "the elements of a range must be of type weir::task");
  } else {
    explain_work<Arg>();
  }
}
template <typename... Args>
explained explain_arguments() {
  (explain_argument<Args>(), ...);
  return {};
}

} // namespace weir::detail
