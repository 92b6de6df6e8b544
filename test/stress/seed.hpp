// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace weir::test {

/// The seed of this run: WEIR_SEED, or a new one. Prints it, so that it can be
/// set again.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("WEIR_SEED");
    const std::uint64_t s = given != nullptr ? std::strtoull(given, nullptr, 10)
                                             : std::random_device()();
    std::cerr << "WEIR_SEED=" << s << '\n';
    return s;
  }();
  return value;
}

/// A source of random numbers for one thread or task. Equal arguments give
/// equal sequences.
class chance final {
public:
  explicit chance(std::uint64_t stream)
      : engine_(seed() ^ (stream * 0x9e3779b97f4a7c15u)) {}

  /// 0 .. n-1.
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(engine_() % n);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }

private:
  std::mt19937_64 engine_;
};

} // namespace weir::test
