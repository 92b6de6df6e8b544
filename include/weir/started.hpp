// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/start_handshake.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

/// With this object a child of start() says that it is up, and hands its parent
/// a value. It lives as long as the child.
///
/// Thread safety: the child's strand.
template <typename T = void>
class started final {
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::decay_t<T>>,
                "weir::started: the value must be an object, or void");

public:
  started(const started&) = delete;
  started& operator=(const started&) = delete;

  /// Lets the parent continue, with `value`. From here on an error of the child
  /// is the group's. Does nothing if the parent was cancelled while it waited;
  /// the child is then cancelled too, and should end.
  ///
  /// Throws: `std::logic_error` at the second call; what moving `value` throws.
  void set(T value) { shake_->set(std::move(value)); }

  /// True once set() was called.
  [[nodiscard]] bool is_set() const noexcept { return shake_->is_set(); }

private:
  friend struct detail::start_access;
  explicit started(std::shared_ptr<detail::start_handshake<T>> shake) noexcept
      : shake_(std::move(shake)) {}

  std::shared_ptr<detail::start_handshake<T>> shake_;
};

/// The same for a child that has no value to hand over.
template <>
class started<void> final {
public:
  started(const started&) = delete;
  started& operator=(const started&) = delete;

  void set() { shake_->set({}); }
  [[nodiscard]] bool is_set() const noexcept { return shake_->is_set(); }

private:
  friend struct detail::start_access;
  explicit started(
      std::shared_ptr<detail::start_handshake<void>> shake) noexcept
      : shake_(std::move(shake)) {}

  std::shared_ptr<detail::start_handshake<void>> shake_;
};

} // namespace weir
