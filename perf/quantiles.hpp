// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "harness.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace weir::perf {

/// The median, the 99th percentile and the maximum of some times in
/// microseconds; "p50_us" and so on, with `prefix` before it.
inline std::vector<figure> quantiles(std::vector<double> us,
                                     const std::string& prefix = "") {
  std::sort(us.begin(), us.end());
  const auto at = [&](double part) {
    return us.at(
        static_cast<std::size_t>(part * static_cast<double>(us.size() - 1)));
  };
  return {{prefix + "p50_us", at(0.5)},
          {prefix + "p99_us", at(0.99)},
          {prefix + "max_us", at(1)}};
}

} // namespace weir::perf
