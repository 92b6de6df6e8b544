// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/spawn_status.hpp>

#include "group_steps.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::detail {

// What task_group::spawn asks of a callable and its arguments.
template <typename F, typename... Args>
constexpr void check_spawn_call() {
  static_assert(
      safe_in_co_await<F>,
      "g++ 12 destroys this callable twice inside a co_await expression. Pass "
      "what it captures as arguments, spawn(f, args...), or name the callable "
      "and pass it as an lvalue");
  static_assert(
      (safe_argument_in_co_await<Args> && ...),
      "g++ 12 destroys an aggregate temporary twice inside a co_await "
      "expression. Give the type a constructor, or name the argument and pass "
      "it as an lvalue");
}

// Starts the task that `make` returns, if a slot is free; else does not call
// it.
template <typename Make>
spawn_status try_launch(group_core& group, Make make, std::size_t weight = 1) {
  std::uint64_t index = 0;
  const spawn_status status = reserve(group, index, weight);
  if (status != spawn_status::started)
    return status;
  auto child = [&] {
    try {
      return make();
    } catch (...) {
      unreserve(group, weight);
      throw;
    }
  }();
  launch_reserved(group, unstarted(std::move(child)), index, weight);
  return status;
}

// Starts children of a group without a cap or limiter: none waits. One that is
// refused, as the group was cancelled meanwhile, remains in `children`.
WEIR_API void start_all(std::vector<spawn_step>& children) noexcept;

} // namespace weir::detail
