// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/task.hpp>

#include "as_task.hpp"
#include "await_asio.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// Any work as a task with a value.
template <typename T, typename Work>
task<T> await_value(Work w) {
  if constexpr (is_framed<T>)
    co_return held<T>(co_await std::move(w));
  else
    co_return co_await std::move(w);
}

// As call_work.
template <typename T, typename F, typename... Args>
task<T> call_value(framed<F> f, framed<Args>... args) {
  if constexpr (is_framed<T>)
    co_return held<T>(co_await std::invoke(std::move(unframed(f)),
                                           std::move(unframed(args))...));
  else
    co_return co_await std::invoke(std::move(unframed(f)),
                                   std::move(unframed(args))...);
}

// The type of `co_await work`.
template <typename Work>
struct work_value;
template <typename T>
struct work_value<task<T>> {
  using type = T;
};
template <typename T, typename Executor>
struct work_value<asio::awaitable<T, Executor>> {
  using type = T;
};
template <typename Step>
struct work_value<operation<Step>> {
  using type = decltype(std::declval<Step&>().finish());
};
template <asio_operation Op>
struct work_value<Op> {
  using type = decltype(std::declval<await_asio<Op>&>().await_resume());
};

// What task_group::spawn() takes as its only argument.
template <typename T>
concept work_argument = work<T> || work_factory<T>;

template <typename T>
struct argument_value;
template <work T>
struct argument_value<T> : work_value<std::remove_cvref_t<T>> {};
template <work_factory T>
requires(!work<T>) struct argument_value<T>
    : work_value<std::remove_cvref_t<std::invoke_result_t<std::decay_t<T>>>> {
};

template <typename T>
using argument_value_t = typename argument_value<T>::type;

// Makes a task of any such argument. A task stays as it is.
template <typename Arg>
task<argument_value_t<Arg>> task_of(Arg&& arg, const char* who) {
  using value = argument_value_t<Arg>;
  if constexpr (is_task<std::remove_cvref_t<Arg>>::value) {
    require_task(arg, who);
    return std::forward<Arg>(arg);
  } else if constexpr (work<Arg>) {
    return await_value<value, std::remove_cvref_t<Arg>>(std::forward<Arg>(arg));
  } else {
    require_safe_callables<Arg>();
    require_callable(arg, who);
    return call_value<value, std::decay_t<Arg>>(std::forward<Arg>(arg));
  }
}

} // namespace weir::detail
