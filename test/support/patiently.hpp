// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <chrono>

namespace weir::test {

/// For cases about deadlines: calls `attempt(d)` with longer and longer
/// durations until it returns true. `attempt` returns false when the machine
/// was so busy that `d` passed before the case was set up, which proves
/// nothing. False if no attempt returned true.
template <typename Attempt>
[[nodiscard]] bool patiently(Attempt attempt) {
  using std::chrono::milliseconds;
  for (milliseconds d(4); d <= milliseconds(17'000); d *= 2)
    if (attempt(d))
      return true;
  return false;
}

} // namespace weir::test
