// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/loops/element_loop.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/for_each_options.hpp>
#include <weir/task.hpp>

#include <ranges>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

template <typename Source, typename Elements, typename F>
task<>
run_for_each(framed<Elements> elements, for_each_options options, framed<F> f) {
  no_outputs none;
  element_job<Source, F, no_outputs> job(
      unframed(elements), unframed(f), none, options);
  co_await job.run();
}

} // namespace detail

/// Calls `f(element)`, or `f(index, element)`, for each element of `range`,
/// `max_in_flight` at once. `f` is asynchronous (it returns a task or other
/// work, whose result is discarded) or plain.
///
///     co_await weir::for_each(urls, {.max_in_flight = 64}, fetch);
///     co_await weir::for_each(pixels, {}, [](pixel& p) { p.invert(); });
///
/// An lvalue range is used in place, so `f` may change the elements; an rvalue
/// range is moved into the loop. For a pair of iterators pass
/// `std::ranges::subrange(first, last)`. A single-pass range is read by one
/// worker at a time, and `f` gets an rvalue. `f` is copied or moved, and called
/// by several threads at once.
///
/// A plain `f` runs in chunks that grow to 4096 elements or 10 us, so tiny
/// elements are cheap; the loop checks for a cancellation and for errors
/// elsewhere every 64 elements. With an asynchronous `f` a worker takes the
/// next element when it is done with the one before. There are at most
/// `max_in_flight` workers, and no task or allocation per element beyond `f`'s
/// own.
///
/// Qualify the call, because an unqualified call also finds `std::for_each`.
///
/// Throws: at the call, `std::invalid_argument` for `max_in_flight` 0 and an
///   empty function; from the await, what `f` or the range threw first. After
///   an error no new element is started and the calls in flight are cancelled.
///   Under keep_going all others are run, and collect(n) throws a group_error
///   whose indices are those of the elements. After an error of the range
///   itself, the range is not read any further.
/// Cancellation: terminal; no new element is started, the calls in flight are
///   cancelled and awaited.
/// Resumes on: the task's strand.
/// Complexity: memory in proportion to `max_in_flight`.
/// Source: conc's `iter.ForEach`, .NET's `Parallel.ForEachAsync`.
template <std::ranges::viewable_range R, typename F>
requires std::ranges::input_range<R> && detail::element_function<
    std::decay_t<F>,
    detail::element_of<std::views::all_t<R>, std::decay_t<F>>>
    task<> for_each(R&& range, for_each_options options, F&& f) {
  detail::check_call<F, R>();
  detail::require_options(options, "weir::for_each");
  detail::require_callable(f, "weir::for_each");
  using view = std::views::all_t<R>;
  using source = detail::range_source<view, std::decay_t<F>>;
  return detail::run_for_each<source, view, std::decay_t<F>>(
      std::views::all(std::forward<R>(range)), options, std::forward<F>(f));
}

/// The same for the values of an asynchronous producer: `produce()` returns a
/// `task<std::optional<T>>`, and an empty optional ends the loop. `produce` is
/// called by one worker at a time, when a worker has nothing to do, and not
/// again after it threw. `f` gets an rvalue.
template <detail::producer P, typename F>
requires detail::element_function<
    std::decay_t<F>,
    detail::owned_element<detail::produced_by<P>, std::decay_t<F>>>
    task<> for_each(P&& produce, for_each_options options, F&& f) {
  detail::check_call<F>();
  detail::check_call<P>();
  detail::require_options(options, "weir::for_each");
  detail::require_callable(f, "weir::for_each");
  detail::require_callable(produce, "weir::for_each");
  using source = detail::produced_source<std::decay_t<P>, std::decay_t<F>>;
  return detail::run_for_each<source, std::decay_t<P>, std::decay_t<F>>(
      std::forward<P>(produce), options, std::forward<F>(f));
}
// For a readable compile error.
template <typename Source, typename F>
detail::explained for_each(Source&&, for_each_options, F&&) {
  return detail::explain_loop<Source, F>();
}
template <typename Source, typename F>
detail::explained for_each(Source&&, F&&) {
  return detail::explain_loop_without_options<Source, F>();
}

} // namespace weir
