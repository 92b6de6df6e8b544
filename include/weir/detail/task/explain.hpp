// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// The compiler's messages for typical mistakes. Where a function of weir takes
// only some types, a second overload takes all others and fails with one
// sentence that names the fix, instead of a list of overloads that did not
// match. test/compile_errors has each sentence.

#pragma once

#include "abort.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace weir {

template <typename T>
class task;
template <typename Step>
class operation;

namespace detail {

template <typename T>
struct is_task : std::false_type {};
template <typename T>
struct is_task<task<T>> : std::true_type {};

template <typename T>
struct is_awaitable : std::false_type {};
template <typename T, typename Executor>
struct is_awaitable<asio::awaitable<T, Executor>> : std::true_type {};

template <typename T>
struct is_operation : std::false_type {};
template <typename Step>
struct is_operation<operation<Step>> : std::true_type {};

template <typename T>
struct is_duration : std::false_type {};
template <typename Rep, typename Period>
struct is_duration<std::chrono::duration<Rep, Period>> : std::true_type {};

// g++ 12 destroys closure and aggregate temporaries twice in a full expression
// that contains co_await, and a template cannot distinguish a temporary from a
// moved object: every type that could be affected is refused.
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

// Every function that takes callables, or arguments for one, calls these first.
template <typename... Callables>
constexpr void require_safe_callables() {
  static_assert((safe_in_co_await<Callables> && ...),
                "g++ 12 destroys this callable twice inside a co_await "
                "expression. Capture by reference, pass what it captures as "
                "arguments, or name the callable and pass it as an lvalue");
}
template <typename... Values>
constexpr void require_safe_values() {
  static_assert((safe_argument_in_co_await<Values> && ...),
                "g++ 12 destroys an aggregate temporary twice inside a "
                "co_await expression. Give the type a constructor, or name "
                "the argument and pass it as an lvalue");
}

template <typename F, typename... Args>
constexpr void check_call() {
  require_safe_callables<F>();
  require_safe_values<Args...>();
}

// The result of a call that does not compile. It can be awaited, run and
// converted to anything, so that the compiler says nothing more.
struct explained : plain_awaiter<explained> {
  explained() noexcept {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  explained await_resume() const noexcept { return {}; }
  // In an asio::awaitable it converts to the same types as task<T>, see there.
  template <typename T>
  requires(std::is_same_v<T, asio::this_coro::reset_cancellation_state_0_t> ||
           (!std::is_empty_v<T> &&
            !std::is_same_v<T, asio::this_coro::throw_if_cancelled_1_t>))
  operator T() const;
};

template <typename... Ts>
inline constexpr bool
    has_explained = (std::is_same_v<std::remove_cvref_t<Ts>, explained> || ...);

template <typename T>
concept has_co_await = requires(T&& t) {
  static_cast<T&&>(t).operator co_await();
}
|| requires(T&& t) { operator co_await(static_cast<T&&>(t)); };

template <typename T>
concept future_like = requires(std::remove_cvref_t<T>& f) {
  f.valid();
  f.wait();
  f.get();
};

// Looks like an awaitable, of this or another library.
template <typename T>
concept foreign_coroutine = has_co_await<T> || requires(T&& t) {
  t.await_ready();
};

// For an lvalue of a type that can be awaited only once.
template <typename T>
void explain_once() {
  static_assert(!is_task<T>::value,
                "a task is awaited or spawned once: move it, std::move(t)");
  static_assert(is_task<T>::value,
                "an operation and an asio::awaitable are awaited or spawned "
                "once: move it, std::move(op)");
}

template <typename T>
void explain_await() {
  using type = std::remove_cvref_t<T>;
  if constexpr (is_task<type>::value || is_awaitable<type>::value ||
                is_operation<type>::value)
    explain_once<type>();
  else if constexpr (std::is_same_v<type, std::suspend_always>)
    static_assert(!std::is_same_v<type, std::suspend_always>,
                  "nobody would resume the task after std::suspend_always: "
                  "await weir::checkpoint() to let other tasks run");
  else if constexpr (is_duration<type>::value)
    static_assert(!is_duration<type>::value,
                  "a duration cannot be awaited: await weir::sleep_for() of "
                  "it");
  else if constexpr (future_like<type>)
    static_assert(!future_like<type>,
                  "a task cannot await a future, which can only block a "
                  "thread: wait for it in weir::offload(), or start the "
                  "operation with asio::deferred");
  else if constexpr (foreign_coroutine<T>)
    static_assert(!foreign_coroutine<T>,
                  "this awaitable is for the coroutines of its own library: "
                  "its await_suspend() does not take the coroutine handle of a "
                  "task, or it lacks await_resume()");
  else if constexpr (std::is_invocable_v<T>)
    static_assert(!std::is_invocable_v<T>,
                  "a callable cannot be awaited: call it, and await what it "
                  "returns");
  else
    static_assert(has_explained<T>,
                  "a task cannot await this: co_await takes a weir::task, an "
                  "operation of weir, an Asio operation made with "
                  "asio::deferred, an asio::awaitable or a standard awaiter");
}

// For a co_return whose operand a task<T> does not accept.
template <typename U, typename T>
explained explain_return() {
  if constexpr (std::is_reference_v<T>)
    static_assert(has_explained<U>,
                  "the task gives a reference: co_return an lvalue of its "
                  "type");
  else if constexpr (std::is_constructible_v<T, U>)
    static_assert(has_explained<U>,
                  "what is co_returned converts only explicitly to the type "
                  "that the task gives: name the type, co_return T(value)");
  else
    static_assert(has_explained<U>,
                  "what is co_returned does not convert to the type that the "
                  "task gives");
  return {};
}

} // namespace detail
} // namespace weir
