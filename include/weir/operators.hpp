// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/contest.hpp>
#include <weir/detail/group/work_value.hpp>
#include <weir/task.hpp>
#include <weir/when_all.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir {

namespace detail {

// An operand for which argument-dependent lookup finds weir's operators. The
// operators of two asio::awaitables are Asio's.
template <typename T>
concept own_work = work<T> &&(is_task<std::remove_cvref_t<T>>::value ||
                              is_operation<std::remove_cvref_t<T>>::value);

template <typename L, typename R>
concept operands = work<L> && work<R> &&(own_work<L> || own_work<R>);

// --- && ---

// The result of `T && U`, by the rules of Asio's operators.
template <typename T, typename U>
struct both_type {
  using type = std::tuple<kept_value<T>, kept_value<U>>;
};
template <>
struct both_type<void, void> {
  using type = void;
};
template <typename T>
struct both_type<T, void> {
  using type = T;
};
template <typename U>
struct both_type<void, U> {
  using type = U;
};
template <typename... Ts, typename U>
struct both_type<std::tuple<Ts...>, U> {
  using type = std::tuple<Ts..., kept_value<U>>;
};
template <typename... Ts>
struct both_type<std::tuple<Ts...>, void> {
  using type = std::tuple<Ts..., std::monostate>;
};
template <typename T, typename U>
using both_value = typename both_type<T, U>::type;

template <typename T>
inline constexpr bool is_tuple = false;
template <typename... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;

template <typename T>
T unkept(kept_value<T>& value) {
  if constexpr (std::is_reference_v<T>)
    return value.get();
  else
    return std::move(value);
}

template <typename T, typename U>
task<both_value<T, U>> run_both(std::tuple<task<T>, task<U>> works) {
  auto values = co_await run_when_all<T, U>(std::move(works), "operator&&");
  if constexpr (std::is_void_v<T> && std::is_void_v<U>)
    co_return;
  else if constexpr (std::is_void_v<T>)
    co_return unkept<U>(std::get<1>(values));
  else if constexpr (is_tuple<T>)
    co_return std::tuple_cat(
        std::get<0>(std::move(values)),
        std::tuple<kept_value<U>>(std::get<1>(std::move(values))));
  else if constexpr (std::is_void_v<U>)
    co_return unkept<T>(std::get<0>(values));
  else
    co_return values;
}

// --- || ---

template <typename T, typename U>
struct either_type {
  using type = std::variant<kept_value<T>, kept_value<U>>;
};
template <typename... Ts, typename U>
struct either_type<std::variant<Ts...>, U> {
  using type = std::variant<Ts..., kept_value<U>>;
};
template <typename T, typename U>
using either_value = typename either_type<T, U>::type;

template <typename Wide, typename Narrow, std::size_t I = 0>
Wide widened(Narrow& from) {
  if constexpr (I + 1 == std::variant_size_v<Narrow>)
    return Wide(std::in_place_index<I>, std::get<I>(std::move(from)));
  else if (from.index() == I)
    return Wide(std::in_place_index<I>, std::get<I>(std::move(from)));
  else
    return widened<Wide, Narrow, I + 1>(from);
}

template <typename T, typename U, typename First, typename Second>
task<either_value<T, U>> run_either(std::tuple<First, Second> works) {
  using won = std::variant<kept_value<T>, kept_value<U>>;
  using wide = either_value<T, U>;
  won winner = co_await run_contest<won, true, when_lost::first>(
      1, "operator||", std::move(works));
  if constexpr (std::is_same_v<won, wide>)
    co_return winner;
  else if (winner.index() == 0)
    co_return widened<wide>(std::get<0>(winner));
  else
    co_return wide(std::in_place_index<std::variant_size_v<wide> - 1>,
                   std::get<1>(std::move(winner)));
}

} // namespace detail

/// Runs both at once and waits for both; the first error cancels the other and
/// is thrown unchanged when the other has ended.
///
///     co_await (read_loop(socket) && write_loop(socket));
///
/// One operand is a task or one of weir's operations; the other may also be an
/// `asio::awaitable` or an Asio operation. Both must be rvalues, as for
/// `co_await`. Nothing runs until the task that this returns is awaited. As
/// with when_all() the operands are two children: they run in parallel, each on
/// a strand of its own, so data that both use needs a lock.
///
/// The result is that of Asio's operator: none if neither operand has one, the
/// result of the only operand that has one, or a `std::tuple` of both. A
/// `std::tuple` on the left is lengthened by the right operand's result, with a
/// `std::monostate` for no result. A reference in a tuple is a
/// `std::reference_wrapper`.
///
/// Throws: `std::invalid_argument`, at the call, for an empty task; the first
///   error. (Asio's operator throws `asio::multiple_exceptions` when the
///   cancelled operand fails too.)
/// Cancellation: terminal; cancels both, waits until they have ended, then
///   throws `operation_aborted` or unwinds.
/// Resumes on: the task's strand.
/// Complexity: as when_all(), and a frame.
/// Source: Asio's `experimental::awaitable_operators`.
template <typename L, typename R>
requires detail::operands<L, R>
auto operator&&(L&& left, R&& right) {
  using first = detail::argument_value_t<L>;
  using second = detail::argument_value_t<R>;
  return detail::run_both<first, second>(std::tuple<task<first>, task<second>>(
      detail::task_of(std::forward<L>(left), "weir::operator&&"),
      detail::task_of(std::forward<R>(right), "weir::operator&&")));
}

/// Runs both at once until the first succeeds; the other is cancelled, and has
/// ended when this completes.
///
///     std::variant<request, std::monostate> got =
///         co_await (read_request(socket) || weir::sleep_for(5s));
///
/// The operands are those of `&&`. The result is that of Asio's operator: a
/// `std::variant` whose index() says which succeeded, with `std::monostate` for
/// no result; a `std::variant` on the left is lengthened by the right operand's
/// result. The late result of the other operand is dropped, and so is its
/// error. A channel's receive() or send() that loses has no effect, as in
/// race().
///
/// Throws: `std::invalid_argument`, at the call, for an empty task; when both
///   failed, `asio::multiple_exceptions` as Asio does; its first_exception() is
///   the error that came first. race() keeps both errors.
/// Cancellation: terminal; cancels both, waits until they have ended, then
///   throws `operation_aborted` or unwinds.
/// Resumes on: the task's strand.
/// Complexity: as race(), and a frame.
/// Source: Asio's `experimental::awaitable_operators`.
template <typename L, typename R>
requires detail::operands<L, R>
auto operator||(L&& left, R&& right) {
  using first = detail::argument_value_t<L>;
  using second = detail::argument_value_t<R>;
  // As in race(), a channel operation that loses has no effect.
  using works = std::tuple<detail::entrant<L>, detail::entrant<R>>;
  return detail::run_either<first, second>(
      works(detail::entrant_of(std::forward<L>(left), "weir::operator||"),
            detail::entrant_of(std::forward<R>(right), "weir::operator||")));
}

} // namespace weir
