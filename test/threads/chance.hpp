// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace weir::test::threads {

/// A source of random numbers for one thread. The same two numbers give the
/// same sequence.
class chance final {
public:
  chance(std::uint64_t seed, std::uint64_t stream)
      : engine_(seed ^ ((stream + 1) * 0x9e3779b97f4a7c15u)) {}

  /// 0 .. n-1.
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(engine_() % n);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::uint64_t any() { return engine_(); }

private:
  std::mt19937_64 engine_;
};

} // namespace weir::test::threads
