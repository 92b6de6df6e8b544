// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstdint>

namespace weir {

/// Answer of channel::try_send().
enum class send_status : std::uint8_t {
  sent,   ///< the channel, or a receiver, has the value
  full,   ///< there is no room and no receiver waits for a value
  closed, ///< close() was called
};

} // namespace weir
