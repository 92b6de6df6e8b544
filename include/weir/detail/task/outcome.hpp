// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// How a task ended: with a value, an exception, or stopped.
template <typename T>
class outcome {
  struct nothing {};
  using stored =
      std::conditional_t<std::is_void_v<T>,
                         nothing,
                         std::conditional_t<std::is_reference_v<T>,
                                            std::remove_reference_t<T>*,
                                            T>>;

public:
  explicit outcome(std::exception_ptr error) noexcept
      : error_(std::move(error)) {}
  template <typename F>
  outcome(std::in_place_t, F get) {
    if constexpr (std::is_void_v<T>) {
      get();
      value_.emplace();
    } else if constexpr (std::is_reference_v<T>) {
      value_.emplace(std::addressof(get()));
    } else {
      value_.emplace(get());
    }
  }
  static outcome stopped() noexcept { return outcome(nullptr); }

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  [[nodiscard]] bool is_stopped() const noexcept { return !value_ && !error_; }
  [[nodiscard]] const std::exception_ptr& error() const noexcept {
    return error_;
  }

  // Precondition: not stopped.
  T get() {
    if (error_)
      std::rethrow_exception(std::exchange(error_, nullptr));
    if constexpr (std::is_void_v<T>)
      return;
    else if constexpr (std::is_reference_v<T>)
      return static_cast<T>(**value_);
    else
      return std::move(*value_);
  }

private:
  std::optional<stored> value_;
  std::exception_ptr error_;
};

} // namespace weir::detail
