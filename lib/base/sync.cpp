// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/sync.hpp>

#include <thread>

namespace weir::detail {

void std_sync::yield() noexcept { std::this_thread::yield(); }

} // namespace weir::detail
