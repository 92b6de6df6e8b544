// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>
#include <utility>

namespace weir {

/// A result and the position, counted from 0, of the task that returned it.
/// What race() and quorum() give for tasks of one type; for tasks without a
/// result `T` is `std::monostate`.
template <typename T>
struct indexed_value final {
  indexed_value(std::size_t position, T result)
      : index(position), value(std::move(result)) {}

  std::size_t index;
  T value;
};

} // namespace weir
