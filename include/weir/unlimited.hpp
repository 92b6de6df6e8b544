// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>
#include <limits>

namespace weir {

/// No cap, for example on the tasks in flight.
inline constexpr std::size_t unlimited =
    std::numeric_limits<std::size_t>::max();

} // namespace weir
