// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/sync/channel_core.hpp>

#include <cstdio>
#include <exception>

namespace weir::detail {

void channel_destroyed_in_use(std::size_t senders,
                              std::size_t receivers) noexcept {
  std::fprintf(stderr,
               "weir: a channel was destroyed while somebody waits: "
               "%zu senders, %zu receivers\n",
               senders,
               receivers);
  std::terminate();
}

} // namespace weir::detail
