// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <algorithm>
#include <cstddef>

namespace weir::perf {

/// Leaves of the tree in skynet: a node has ten children, or as many as leaves.
struct range {
  std::size_t first;
  std::size_t count;

  static constexpr std::size_t ways = 10;

  std::size_t parts() const { return std::min(ways, count); }

  /// The `i`-th of the parts.
  range part(std::size_t i) const {
    const std::size_t begin = count * i / parts();
    return {first + begin, count * (i + 1) / parts() - begin};
  }
};

/// 0 + 1 + ... + (n - 1).
inline std::size_t sum_to(std::size_t n) { return n * (n - 1) / 2; }

/// The sum of the leaves by calls, without tasks.
inline std::size_t sum_in_turn(range all) {
  if (all.count == 1)
    return all.first;
  std::size_t sum = 0;
  for (std::size_t i = 0; i != all.parts(); ++i)
    sum += sum_in_turn(all.part(i));
  return sum;
}

} // namespace weir::perf
