// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// As explain.hpp, for the arguments of spawn(), when_all() and the like.

#pragma once

#include "as_task.hpp"
#include "explain.hpp"

#include <functional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// A callable, whatever its parameters. False if its operator() is a template.
template <typename T>
inline constexpr bool is_callable =
    std::is_function_v<std::remove_pointer_t<std::decay_t<T>>> ||
    std::is_member_function_pointer_v<std::decay_t<T>> || requires {
  &std::decay_t<T>::operator();
};

template <typename F>
concept gives_awaitable = std::is_invocable_v<std::decay_t<F>> &&
    is_awaitable<std::invoke_result_t<std::decay_t<F>>>::value;

// For a callable whose result is not work.
template <typename Result>
void explain_result() {
  using type = std::remove_cvref_t<Result>;
  if constexpr (std::is_void_v<Result>)
    static_assert(!std::is_void_v<Result>,
                  "the callable returns void: make it a coroutine that returns "
                  "weir::task<>, or wrap it in weir::offload if it blocks");
  else if constexpr (is_task<type>::value || is_awaitable<type>::value ||
                     is_operation<type>::value)
    static_assert(!std::is_reference_v<Result>,
                  "the callable returns a reference to a task or an operation: "
                  "return it by value");
  else if constexpr (foreign_coroutine<type>)
    static_assert(!foreign_coroutine<type>,
                  "the callable returns an awaitable of another library: await "
                  "it in a coroutine that returns weir::task<T>, and pass that "
                  "coroutine");
  else
    static_assert(has_explained<Result>,
                  "the callable returns a value that cannot be awaited: make "
                  "it a coroutine that returns weir::task<T>, or wrap it in "
                  "weir::offload if it blocks");
}

// For a callable with arguments that are copied into the child.
template <typename F, typename... Args>
void explain_call() {
  if constexpr (!(std::is_constructible_v<std::decay_t<F>, F> && ... &&
                  std::is_constructible_v<std::decay_t<Args>, Args>))
    static_assert(has_explained<F>,
                  "the callable or an argument cannot be copied into the "
                  "child: std::move it, or pass std::ref() of what outlives "
                  "the child");
  else if constexpr (std::is_invocable_v<std::decay_t<F>,
                                         std::decay_t<Args>...>)
    explain_result<
        std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>();
  else if constexpr (std::is_invocable_v<F, std::decay_t<Args>&...>)
    static_assert(!std::is_invocable_v<F, std::decay_t<Args>&...>,
                  "the callable takes an argument by reference, but it is "
                  "given copies of the arguments that it may keep: take it by "
                  "value, or pass std::ref() of what outlives the child");
  else if constexpr (sizeof...(Args) == 0)
    static_assert(has_explained<F>,
                  "the callable takes arguments: pass them after it, or call "
                  "it if it is a coroutine");
  else
    static_assert(has_explained<F>,
                  "the callable does not take these arguments: it is given "
                  "copies of them, as rvalues");
}

// For arguments that spawn() and the like do not accept, or that a function
// does not accept because it takes only a task.
template <typename F, typename... Args>
void explain_work() {
  using type = std::remove_cvref_t<F>;
  constexpr bool is_known = is_task<type>::value || is_awaitable<type>::value ||
                            is_operation<type>::value ||
                            asio_operation<std::decay_t<F>>;
  if constexpr (has_explained<F, Args...>)
    return;
  else if constexpr (is_known && sizeof...(Args) != 0)
    static_assert(!is_known,
                  "a task, an asio::awaitable or an operation takes no "
                  "arguments here: pass them to the coroutine function");
  else if constexpr (is_known && !std::is_reference_v<F> && !std::is_const_v<F>)
    static_assert(!is_known,
                  "this takes a weir::task alone: await the operation or the "
                  "asio::awaitable in a coroutine that returns weir::task<T>");
  else if constexpr (is_known)
    explain_once<type>();
  else if constexpr (work_factory<F, Args...>)
    static_assert(!work_factory<F, Args...>,
                  "this takes a weir::task alone: call the coroutine function, "
                  "and pass what it returns");
  else if constexpr (std::is_invocable_v<std::decay_t<F>,
                                         std::decay_t<Args>...> ||
                     is_callable<F>)
    explain_call<F, Args...>();
  else if constexpr (foreign_coroutine<F>)
    static_assert(!foreign_coroutine<F>,
                  "this is an awaitable of another library: await it in a "
                  "coroutine that returns weir::task<T>, and pass that "
                  "coroutine");
  else
    static_assert(has_explained<F>,
                  "this is nothing to run: pass a weir::task, an "
                  "asio::awaitable, an operation of weir, an Asio operation "
                  "made with asio::deferred, or a callable that takes the "
                  "arguments and returns one of these");
}
template <typename... None>
requires(sizeof...(None) == 0) void explain_work() {
  static_assert(sizeof...(None) != 0,
                "there is nothing to run: pass a weir::task or a callable that "
                "returns one");
}

// For an argument that spawn() does not accept together with spawn_options.
template <typename F>
void explain_options() {
  if constexpr (work_factory<F> || is_callable<F>)
    static_assert(has_explained<F>,
                  "spawn_options go with a task: call the coroutine function, "
                  "spawn(f(args...), {.weight = n})");
  else
    explain_work<F>();
}

// For a task of one type in a group of another: `T` is the group's.
template <typename T, typename F, typename... Args>
void explain_child() {
  constexpr bool is_rvalue_task = is_task<F>::value && sizeof...(Args) == 0;
  if constexpr (is_rvalue_task)
    static_assert(!is_rvalue_task,
                  "the task gives another type than the group: await it in a "
                  "task<T> of the group's type");
  else
    explain_work<F, Args...>();
}

// For the body of with_task_group() and the like, which is called with
// `Group&`.
template <typename Group, typename Body>
void explain_body() {
  if constexpr (has_explained<Body>) {
    return;
  } else if constexpr (std::is_invocable_v<std::decay_t<Body>&, Group&>) {
    using result = std::invoke_result_t<std::decay_t<Body>&, Group&>;
    if constexpr (std::is_void_v<result>)
      static_assert(!std::is_void_v<result>,
                    "the body returns void: make it a coroutine that returns "
                    "weir::task<>");
    else if constexpr (is_awaitable<result>::value)
      static_assert(!is_awaitable<result>::value,
                    "the body returns an asio::awaitable: make it return a "
                    "weir::task, or use with_task_group(executor, options, "
                    "body) in a coroutine of Asio");
    else
      static_assert(is_task<result>::value,
                    "the body does not return a task: make it a coroutine that "
                    "returns weir::task<T>");
  } else if constexpr (is_task<std::remove_cvref_t<Body>>::value) {
    static_assert(!is_task<std::remove_cvref_t<Body>>::value,
                  "the body is called by weir: pass the coroutine function, "
                  "not the task that it returns");
  } else {
    static_assert(has_explained<Body>,
                  "the body must be callable with one argument, a reference to "
                  "the new group or queue");
  }
}

// The same with an executor before the options.
template <typename Group, typename Body>
void explain_awaitable_body() {
  if constexpr (std::is_invocable_v<std::decay_t<Body>&, Group&>)
    static_assert(has_explained<Body>,
                  "with an executor before the options the body returns an "
                  "asio::awaitable: leave the executor out for one that "
                  "returns a weir::task");
  else
    explain_body<Group, Body>();
}

// For arguments that are not a callable which returns work, with its arguments.
template <typename F = void, typename... Args>
void explain_flight() {
  if constexpr (std::is_void_v<F>)
    static_assert(!std::is_void_v<F>, "the callable is missing");
  else if constexpr (work<F>)
    static_assert(!work<F>,
                  "the call may be shared, so it is not begun yet: pass the "
                  "coroutine function and its arguments, not the task");
  else
    explain_work<F, Args...>();
}

// For a function to be called on a thread of a blocking_pool.
template <typename F, typename... Args>
explained explain_offload() {
  if constexpr (has_explained<F, Args...>)
    return {};
  else if constexpr (work<F>)
    static_assert(!work<F>,
                  "weir::offload: a thread of the pool can only call a "
                  "function: a task is awaited or spawned");
  else if constexpr (std::is_invocable_v<F, std::decay_t<Args>&...>)
    static_assert(!std::is_invocable_v<F, std::decay_t<Args>&...>,
                  "weir::offload: the function takes an argument by reference, "
                  "but it is given copies: take it by value, or pass "
                  "std::ref() of what outlives the call");
  else
    static_assert(has_explained<F>,
                  "weir::offload: the function does not take these arguments: "
                  "it is given copies of them, as rvalues");
  return {};
}

// For a body without options before it.
template <typename Body>
void explain_no_options() {
  static_assert(has_explained<Body>,
                "the options are missing, which come before the body or the "
                "function: give {} for the defaults");
}

} // namespace weir::detail
