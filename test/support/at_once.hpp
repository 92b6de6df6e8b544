// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "until.hpp"

#include <atomic>
#include <thread>

namespace weir::test {

/// Calls `a()` here and `b()` on another thread, as nearly at once as can be;
/// `round` shifts them against each other.
template <typename A, typename B>
void at_once(int round, A a, B b) {
  std::atomic<int> ready{0};
  const auto meet = [&](bool waits_longer) {
    ++ready;
    block_until([&] { return ready == 2; });
    if (waits_longer)
      for (int spin = round % 64; spin > 0; --spin)
        (void)ready.load();
  };
  std::thread other([&] {
    meet(round % 128 >= 64);
    b();
  });
  meet(round % 128 < 64);
  a();
  other.join();
}

} // namespace weir::test
