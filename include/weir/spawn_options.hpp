// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>

namespace weir {

/// How task_group::spawn() starts one child.
struct spawn_options {
  /// How much of the group's limiter the child holds while it runs: at least
  /// 1, at most the limiter's capacity and 2^32 - 1. Of no effect in a group
  /// without one; a slot it takes in any case.
  std::size_t weight = 1;
};

} // namespace weir
