// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>
#include <utility>

namespace weir {

namespace detail {

class limiter_core;
class acquire_step;

// Gives back `weight`, which was in use so far. Any thread. `core` may be
// destroyed afterwards.
WEIR_API void give_back(limiter_core& core, std::size_t weight) noexcept;

} // namespace detail

/// A share of a limiter's capacity, given back when this object is destroyed.
///
/// It may outlive its limiter.
///
/// Thread safety: distinct objects, safe; one object, one thread. It may be
///   moved to, and given back on, any thread.
class [[nodiscard("it is given back when it is destroyed")]] permit final {
public:
  /// Holds nothing.
  permit() = default;
  permit(permit && other) noexcept
      : core_(std::exchange(other.core_, nullptr)),
        weight_(std::exchange(other.weight_, 0)) {}
  permit& operator=(permit&& other) noexcept {
    permit moved(std::move(other));
    std::swap(core_, moved.core_);
    std::swap(weight_, moved.weight_);
    return *this;
  }
  ~permit() { release(); }

  /// True if it was default-constructed, moved from or released.
  [[nodiscard]] bool empty() const noexcept { return core_ == nullptr; }
  explicit operator bool() const noexcept { return !empty(); }

  /// The weight of the permit; 0 when empty.
  [[nodiscard]] std::size_t weight() const noexcept { return weight_; }

  /// Gives the permit back now. Waiting callers that fit are served, in their
  /// order; no coroutine runs inside this call. Does nothing for an empty
  /// permit.
  ///
  /// Complexity: linear in the callers that are served; no allocation.
  void release() noexcept {
    if (core_ != nullptr)
      detail::give_back(*std::exchange(core_, nullptr),
                        std::exchange(weight_, 0));
  }

private:
  friend class limiter;
  friend class detail::acquire_step;
  permit(detail::limiter_core & core, std::size_t weight) noexcept
      : core_(&core), weight_(weight) {}

  detail::limiter_core* core_ = nullptr;
  std::size_t weight_ = 0;
};

} // namespace weir
