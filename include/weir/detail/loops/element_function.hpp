// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/as_task.hpp>
#include <weir/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace weir::detail {

// A function of a loop's element, or of its index and the element.
template <typename F, typename Element>
concept element_function =
    std::invocable<F&, Element> || std::invocable<F&, std::size_t, Element>;

template <typename Element, typename F>
requires element_function<F, Element>
decltype(auto) call_element(F& f, std::size_t index, Element&& element) {
  if constexpr (std::invocable<F&, Element>)
    return std::invoke(f, std::forward<Element>(element));
  else
    return std::invoke(f, index, std::forward<Element>(element));
}

template <typename F, typename Element>
using element_result = decltype(call_element<Element>(
    std::declval<F&>(), std::size_t(), std::declval<Element>()));

// The type of the value that a function's work, if it is asynchronous, returns.
template <typename Result>
struct element_value {
  using type = std::remove_cvref_t<Result>;
};
template <typename T>
struct element_value<task<T>> {
  using type = std::remove_cvref_t<T>;
};
template <typename T, typename Executor>
struct element_value<asio::awaitable<T, Executor>> {
  using type = std::remove_cvref_t<T>;
};

template <typename F>
void explain_element_function() {
  static_assert(has_explained<F>,
                "the function takes neither an element nor an index and an "
                "element, (std::size_t, element)");
}
template <typename Result>
void explain_transformed() {
  using value = typename element_value<Result>::type;
  static_assert(!std::is_void_v<value>,
                "the function gives no value to keep: use weir::for_each");
  static_assert(std::is_void_v<value> || std::movable<value>,
                "the function gives a value that cannot be moved into the "
                "results");
}

// A value that was taken out of its source is passed as an rvalue to a function
// that accepts one.
template <typename Value, typename F>
using owned_element =
    std::conditional_t<element_function<F, Value&&>, Value&&, Value&>;

// What the function of a loop over `Range` is called with: a reference to the
// element, or, if the range can be walked once only, a copy.
template <typename Range, typename F>
using element_of =
    std::conditional_t<std::ranges::forward_range<Range>,
                       std::ranges::range_reference_t<Range>,
                       owned_element<std::ranges::range_value_t<Range>, F>>;

// An asynchronous source: a callable that gives a task<std::optional<Value>>.
template <typename P>
struct produced;
template <typename T>
struct produced<task<std::optional<T>>> {
  using type = T;
};
template <typename P>
using produced_by =
    typename produced<std::invoke_result_t<std::decay_t<P>&>>::type;
template <typename P>
concept producer = requires {
  typename produced_by<P>;
};

// For arguments that for_each() and transform() do not accept.
template <typename Source, typename F>
explained explain_loop() {
  if constexpr (has_explained<Source, F>) {
    return {};
  } else if constexpr (producer<Source>) {
    using element = owned_element<produced_by<Source>, std::decay_t<F>>;
    if constexpr (element_function<std::decay_t<F>, element>)
      explain_transformed<element_result<std::decay_t<F>, element>>();
    else
      explain_element_function<F>();
  } else if constexpr (std::ranges::input_range<Source> &&
                       std::ranges::viewable_range<Source>) {
    using element = element_of<std::views::all_t<Source>, std::decay_t<F>>;
    if constexpr (element_function<std::decay_t<F>, element>)
      explain_transformed<element_result<std::decay_t<F>, element>>();
    else
      explain_element_function<F>();
  } else {
    static_assert(producer<Source>,
                  "the elements come from a range, or from a function that "
                  "returns weir::task<std::optional<T>>: this is neither");
  }
  return {};
}
template <typename Source, typename F>
explained explain_loop_without_options() {
  static_assert(has_explained<Source, F>,
                "the options are missing, which come before the function: give "
                "{} for the defaults");
  return {};
}

} // namespace weir::detail
