// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "sync.hpp"

#include <condition_variable>

namespace weir::detail {

// For use with sync::mutex. Not in sync.hpp, because <condition_variable> is
// long and few files need it.
#if defined(WEIR_SYNC_POLICY)
using condition_variable = sync::condition_variable;
#else
using condition_variable = std::condition_variable;
#endif

} // namespace weir::detail
