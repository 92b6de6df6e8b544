// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/loops/element_loop.hpp>
#include <weir/detail/loops/element_outputs.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/for_each_options.hpp>
#include <weir/result.hpp>
#include <weir/task.hpp>

#include <concepts>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

namespace detail {

// The value type of a transform() over such elements.
template <typename F, typename Element>
using transformed =
    typename element_value<element_result<std::decay_t<F>, Element>>::type;
template <typename R, typename F>
using range_transformed =
    transformed<F, element_of<std::views::all_t<R>, std::decay_t<F>>>;
template <typename P, typename F>
using produced_transformed =
    transformed<F, owned_element<produced_by<P>, std::decay_t<F>>>;

template <typename Source, typename Value, typename Elements, typename F>
task<std::vector<Value>> run_transform(framed<Elements> elements,
                                       for_each_options options,
                                       framed<F> f) {
  constexpr bool keeps_errors =
      !std::same_as<Value, transformed<F, typename Source::element>>;
  if constexpr (Source::is_indexed && is_plain_result<Value>) {
    using outputs = outputs_in_place<Value>;
    outputs out(static_cast<std::size_t>(std::ranges::size(elements)));
    element_job<Source, F, outputs> job(
        unframed(elements), unframed(f), out, options);
    co_await job.run();
    co_return out.take();
  } else {
    using outputs = outputs_by_worker<Value, keeps_errors>;
    outputs out;
    element_job<Source, F, outputs> job(
        unframed(elements), unframed(f), out, options);
    co_await job.run();
    co_return out.take();
  }
}

template <typename Value, typename R, typename F>
task<std::vector<Value>>
transform_range(R&& range, for_each_options options, F&& f, const char* who) {
  check_call<F, R>();
  require_options(options, who);
  require_callable(f, who);
  using view = std::views::all_t<R>;
  using source = range_source<view, std::decay_t<F>>;
  return run_transform<source, Value, view, std::decay_t<F>>(
      std::views::all(std::forward<R>(range)), options, std::forward<F>(f));
}

template <typename Value, typename P, typename F>
task<std::vector<Value>> transform_produced(P&& produce,
                                            for_each_options options,
                                            F&& f,
                                            const char* who) {
  check_call<F>();
  check_call<P>();
  require_options(options, who);
  require_callable(f, who);
  require_callable(produce, who);
  using source = produced_source<std::decay_t<P>, std::decay_t<F>>;
  return run_transform<source, Value, std::decay_t<P>, std::decay_t<F>>(
      std::forward<P>(produce), options, std::forward<F>(f));
}

} // namespace detail

/// Gives the results of `f` for each element of `range`, in the order of the
/// elements.
///
///     std::vector<page> pages =
///         co_await weir::transform(urls, {.max_in_flight = 64}, fetch);
///
/// Runs as for_each(). What `f` returns, or what its work gives, may be
/// move-only and not default-constructible. A reference is copied.
///
/// Throws, Cancellation, Resumes on: as for_each(). After an error there are no
///   results; try_transform() keeps them.
/// Complexity: memory in proportion to the results.
/// Source: conc's `iter.Map`.
template <std::ranges::viewable_range R, typename F>
requires std::ranges::input_range<R> &&
    std::movable<detail::range_transformed<R, F>>
        task<std::vector<detail::range_transformed<R, F>>>
        transform(R&& range, for_each_options options, F&& f) {
  return detail::transform_range<detail::range_transformed<R, F>>(
      std::forward<R>(range), options, std::forward<F>(f), "weir::transform");
}

/// The same for the values of an asynchronous producer, as in for_each().
template <detail::producer P, typename F>
requires std::movable<detail::produced_transformed<P, F>>
    task<std::vector<detail::produced_transformed<P, F>>>
    transform(P&& produce, for_each_options options, F&& f) {
  return detail::transform_produced<detail::produced_transformed<P, F>>(
      std::forward<P>(produce), options, std::forward<F>(f), "weir::transform");
}
// For a readable compile error.
template <typename Source, typename F>
detail::explained transform(Source&&, for_each_options, F&&) {
  return detail::explain_loop<Source, F>();
}
template <typename Source, typename F>
detail::explained transform(Source&&, F&&) {
  return detail::explain_loop_without_options<Source, F>();
}

/// As transform(), with a slot for each element that holds the value or the
/// error that `f` threw: every element is run, and `options.errors` is ignored.
/// Only errors of the range or the producer are thrown.
///
/// Source: conc's `iter.MapErr`.
template <std::ranges::viewable_range R, typename F>
requires std::ranges::input_range<R> &&
    std::movable<detail::range_transformed<R, F>>
        task<std::vector<result<detail::range_transformed<R, F>>>>
        try_transform(R&& range, for_each_options options, F&& f) {
  return detail::transform_range<result<detail::range_transformed<R, F>>>(
      std::forward<R>(range),
      options,
      std::forward<F>(f),
      "weir::try_transform");
}

/// The same for the values of an asynchronous producer.
template <detail::producer P, typename F>
requires std::movable<detail::produced_transformed<P, F>>
    task<std::vector<result<detail::produced_transformed<P, F>>>>
    try_transform(P&& produce, for_each_options options, F&& f) {
  return detail::transform_produced<result<detail::produced_transformed<P, F>>>(
      std::forward<P>(produce),
      options,
      std::forward<F>(f),
      "weir::try_transform");
}
// For a readable compile error.
template <typename Source, typename F>
detail::explained try_transform(Source&&, for_each_options, F&&) {
  return detail::explain_loop<Source, F>();
}
template <typename Source, typename F>
detail::explained try_transform(Source&&, F&&) {
  return detail::explain_loop_without_options<Source, F>();
}

} // namespace weir
