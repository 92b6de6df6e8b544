// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>
#include <cstdint>

namespace weir {

/// What a task_group counted, taken at one instant.
struct task_group_stats {
  std::size_t in_flight;   ///< children that hold a slot; above the cap only
                           ///< after it was lowered, the group was cancelled
                           ///< or a child gave up waiting for one it had lent
  std::size_t available;   ///< free slots, 0 if the cap is exceeded;
                           ///< `unlimited` without a cap
  std::size_t waiting;     ///< spawn() calls that wait for a slot
  std::size_t peak;        ///< highest `in_flight`
  std::uint64_t spawned;   ///< children handed to the runtime
  std::uint64_t completed; ///< children that returned
  std::uint64_t failed;    ///< children that threw
  std::uint64_t cancelled; ///< children that ended because of a cancellation
  std::uint64_t
      rejected; ///< spawns refused: full, overloaded, cancelled or closed
};

} // namespace weir
