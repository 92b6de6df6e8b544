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

// Counted as in use so far. Any thread. `core` may be gone afterwards.
WEIR_API void give_back(limiter_core& core, std::size_t weight) noexcept;

} // namespace detail

/// A share of a limiter's capacity, given back when this object is destroyed.
///
/// It may outlive its limiter: there is then nobody left to wait for it.
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

  /// How much of the capacity it is; 0 when empty.
  [[nodiscard]] std::size_t weight() const noexcept { return weight_; }

  /// Gives it back now. Those that wait and fit are served, in their order; no
  /// coroutine runs inside this call. An empty permit does nothing.
  ///
  /// Complexity: linear in those that are served; no allocation.
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
