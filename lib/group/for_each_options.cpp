// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/for_each_options.hpp>

#include <stdexcept>
#include <string>

namespace weir::detail {

void require_options(const for_each_options& options, const char* who) {
  if (options.max_in_flight == 0)
    throw std::invalid_argument(
        std::string(who) +
        ": max_in_flight is 0, must be at least 1 (one for each thread is "
        "weir::per_thread, no cap weir::unlimited)");
}

} // namespace weir::detail
