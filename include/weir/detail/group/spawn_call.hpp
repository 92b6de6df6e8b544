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
