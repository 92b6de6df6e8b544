// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>

namespace weir::detail {

// The time of a deterministic runtime, in place of the steady clock's.
struct virtual_clock {
  clock::time_point now;
  virtual_clock* made_before; // by the same thread, and not destroyed yet
};

} // namespace weir::detail
