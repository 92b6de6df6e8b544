// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstdint>

namespace weir {

/// Answer of task_group::try_spawn().
enum class spawn_status : std::uint8_t {
  started,   ///< the child was handed to the runtime
  full,      ///< all slots are taken, or others wait for one
  cancelled, ///< the group was cancelled or a child failed
  closed,    ///< close() was called or join() has completed
};

} // namespace weir
