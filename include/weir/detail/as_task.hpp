// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::detail {

template <typename T>
struct is_task : std::false_type {};
template <typename T>
struct is_task<task<T>> : std::true_type {};

template <typename T>
struct is_awaitable : std::false_type {};
template <typename T, typename Executor>
struct is_awaitable<asio::awaitable<T, Executor>> : std::true_type {};

// What a task can await once: a task, an asio::awaitable, an operation.
template <typename T>
concept work =
    !std::is_lvalue_reference_v<T> &&
    (is_task<std::remove_cvref_t<T>>::value ||
     is_awaitable<std::remove_cvref_t<T>>::value ||
     is_operation<std::remove_cvref_t<T>>::value || asio_operation<T>);

template <typename T>
concept foreign_work = work<T> && !is_task<std::remove_cvref_t<T>>::value;

// A callable that starts such work.
template <typename F, typename... Args>
concept work_factory =
    std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...> &&
    work<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

// g++ 12 destroys closure and aggregate temporaries twice in a full expression
// that contains co_await, and nothing tells a temporary from a moved object:
// refuse what could be hit.
template <typename T>
inline constexpr bool safe_in_co_await =
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    std::is_lvalue_reference_v<T> ||
    std::is_trivially_destructible_v<std::remove_cvref_t<T>>;
#else
    true;
#endif

// An argument may be an object with constructors: those are safe.
template <typename T>
inline constexpr bool safe_argument_in_co_await =
    safe_in_co_await<T> || !std::is_aggregate_v<std::remove_cvref_t<T>>;

template <typename Work>
task<void> await_work(Work w) {
  (void)co_await std::move(w);
}
template <typename T, typename Executor>
task<void> await_work(asio::awaitable<T, Executor> w) {
  (void)co_await std::move(w);
}

// The callable and its arguments live in this frame, so a coroutine lambda may
// use its captures, and they are destroyed before the child counts as ended.
template <typename F, typename... Args>
task<void> call_work(F f, Args... args) {
  (void)co_await std::invoke(std::move(f), std::move(args)...);
}

template <typename F>
void require_callable(const F& f, const char* who) {
  if constexpr (!std::is_function_v<F> && requires { f == nullptr; })
    if (f == nullptr)
      throw std::invalid_argument(std::string(who) + ": the callable is empty");
}

template <typename T>
void require_task(const task<T>& t, const char* who) {
  if (!t)
    throw std::invalid_argument(
        std::string(who) +
        ": the task is empty (default-constructed or moved from)");
}

} // namespace weir::detail
