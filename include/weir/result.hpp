// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cassert>
#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir {

/// The result of one task: a value, or the exception it ended with.
///
/// `T` may be move-only and not default-constructible; it is an object type.
///
/// Thread safety: distinct objects, safe; one object, const members only.
/// Source: Boost.System's `result`, with an exception for the error.
template <typename T>
class result final {
  static_assert(std::is_object_v<T> && !std::is_array_v<T>,
                "weir::result holds an object: use a pointer for a reference, "
                "std::monostate for void");

public:
  using value_type = T;

  /// A value made of `args`.
  template <typename... Args>
  requires std::constructible_from<T, Args...>
  explicit result(std::in_place_t, Args&&... args)
      : held_(std::in_place_index<0>, std::forward<Args>(args)...) {}
  /// An error. Precondition: it is not null.
  explicit result(std::exception_ptr error) noexcept
      : held_(std::in_place_index<1>, std::move(error)) {
    assert(std::get<1>(held_) && "weir::result: the error is null");
  }

  [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
  [[nodiscard]] bool has_error() const noexcept { return !has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. Throws: the error, unchanged, if there is no value.
  T& value() & {
    require_value();
    return *std::get_if<0>(&held_);
  }
  const T& value() const& {
    require_value();
    return *std::get_if<0>(&held_);
  }
  T&& value() && {
    require_value();
    return std::move(*std::get_if<0>(&held_));
  }

  /// The error; null if there is a value.
  [[nodiscard]] std::exception_ptr error() const noexcept {
    const auto* const error = std::get_if<1>(&held_);
    return error != nullptr ? *error : nullptr;
  }

  /// The value. Precondition: there is one.
  T& operator*() noexcept {
    assert(has_value() && "weir::result: there is no value");
    return *std::get_if<0>(&held_);
  }
  const T& operator*() const noexcept {
    assert(has_value() && "weir::result: there is no value");
    return *std::get_if<0>(&held_);
  }
  T* operator->() noexcept { return std::addressof(**this); }
  const T* operator->() const noexcept { return std::addressof(**this); }

private:
  void require_value() const {
    if (!has_value())
      std::rethrow_exception(error());
  }

  std::variant<T, std::exception_ptr> held_;
};

/// The values of `results`, in their order.
///
/// Throws: the first error among them, unchanged; `std::bad_alloc`.
template <typename T>
std::vector<T> values(std::vector<result<T>> results) {
  std::vector<T> all;
  all.reserve(results.size());
  for (result<T>& each : results)
    all.push_back(std::move(each).value());
  return all;
}

} // namespace weir
