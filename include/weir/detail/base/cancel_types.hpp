// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/cancellation_type.hpp>

#include <cstdint>

namespace weir::detail {

// The types of cancellation in an emitted value. May be none: a signal accepts
// any value, including zero and bits that Asio does not define.
constexpr std::uint8_t
known_types(boost::asio::cancellation_type emitted) noexcept {
  using type = boost::asio::cancellation_type;
  return static_cast<std::uint8_t>(
      emitted & (type::terminal | type::partial | type::total));
}

} // namespace weir::detail
