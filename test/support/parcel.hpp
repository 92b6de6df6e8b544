// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "counted.hpp"

#include <atomic>
#include <utility>

namespace weir::test {

/// A value that can neither be copied nor default-constructed. Counts the
/// objects alive, without those moved from.
class parcel final {
public:
  parcel(int n, std::atomic<int>& alive) noexcept : number(n), alive_(alive) {}
  parcel(parcel&&) noexcept = default;
  parcel& operator=(parcel&&) noexcept = default;
  ~parcel() = default;

  explicit operator bool() const noexcept { return static_cast<bool>(alive_); }

  int number;

private:
  counted alive_;
};

} // namespace weir::test
