// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/task.hpp>

#include "explain.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::detail {

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
    std::is_constructible_v<std::decay_t<F>, F> &&
    (std::is_constructible_v<std::decay_t<Args>, Args>&&...) &&
    std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>&& work<
        std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

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
task<void> call_work(framed<F> f, framed<Args>... args) {
  (void)co_await std::invoke(std::move(unframed(f)),
                             std::move(unframed(args))...);
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
