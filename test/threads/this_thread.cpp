// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "base/thread_context.hpp"

namespace weir::detail {

// Threads are real here.
thread_context& this_thread() noexcept {
  static constinit thread_local thread_context context;
  return context;
}

} // namespace weir::detail
