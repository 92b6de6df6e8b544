// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <memory>
#include <utility>

namespace weir {

/// The result of single_flight::run(): the value of the call, which all callers
/// that waited for it share, and whether there were several of them.
///
/// Thread safety: copies may be used on any thread; the value is const.
template <typename T>
class flight_result final {
public:
  /// Holds nothing. A completion handler gets such an object beside an error.
  flight_result() = default;
  /// For weir's own functions.
  flight_result(std::shared_ptr<const T> value, bool is_shared) noexcept
      : value_(std::move(value)), is_shared_(is_shared) {}

  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return value_.get(); }
  /// The value, kept alive for as long as a copy of this pointer exists.
  const std::shared_ptr<const T>& value() const noexcept { return value_; }

  /// True if more than one caller waited for this call.
  bool is_shared() const noexcept { return is_shared_; }

private:
  std::shared_ptr<const T> value_;
  bool is_shared_ = false;
};

/// The same for calls without a value.
template <>
class flight_result<void> final {
public:
  flight_result() = default;
  explicit flight_result(bool is_shared) noexcept : is_shared_(is_shared) {}
  bool is_shared() const noexcept { return is_shared_; }

private:
  bool is_shared_ = false;
};

} // namespace weir
