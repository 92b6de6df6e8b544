// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::detail {

// Numbers from a seed, the same with every standard library.
//
// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators" (SplitMix64), 2014.
class seeded_choice final {
public:
  explicit seeded_choice(std::uint64_t seed) noexcept : state_(seed) {}

  // 0 .. n-1, for an n from 1 to 2^32.
  std::size_t below(std::size_t n) noexcept {
    return static_cast<std::size_t>(((next() >> 32) * n) >> 32);
  }

private:
  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

} // namespace weir::detail
