// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include "as_task.hpp"

#include <functional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// Any work as a task with a value.
template <typename T, typename Work>
task<T> await_value(Work w) {
  co_return co_await std::move(w);
}

// As call_work.
template <typename T, typename F, typename... Args>
task<T> call_value(F f, Args... args) {
  co_return co_await std::invoke(std::move(f), std::move(args)...);
}

// Refuses a callable and arguments that g++ 12 would destroy twice.
template <typename F, typename... Args>
constexpr void check_call() {
  static_assert(safe_in_co_await<F>,
                "g++ 12 destroys this callable twice inside a co_await "
                "expression. Pass what it captures as arguments, or name the "
                "callable and pass it as an lvalue");
  static_assert((safe_argument_in_co_await<Args> && ...),
                "g++ 12 destroys an aggregate temporary twice inside a "
                "co_await expression. Give the type a constructor, or name "
                "the argument and pass it as an lvalue");
}

} // namespace weir::detail
