// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <utility>

namespace weir::detail {

// A counted reference to an object with add_ref() and release(), or null.
template <typename T>
class ref {
public:
  ref() = default;
  explicit ref(T* target) noexcept : target_(target) {
    if (target_ != nullptr)
      target_->add_ref();
  }
  // Takes over a reference that the caller has.
  static ref adopt(T* target) noexcept {
    ref adopted;
    adopted.target_ = target;
    return adopted;
  }
  ref(const ref& other) noexcept : ref(other.target_) {}
  ref(ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  ref& operator=(ref other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~ref() {
    if (target_ != nullptr)
      target_->release();
  }

  T* get() const noexcept { return target_; }
  T& operator*() const noexcept { return *target_; }
  T* operator->() const noexcept { return target_; }
  explicit operator bool() const noexcept { return target_ != nullptr; }

private:
  T* target_ = nullptr;
};

} // namespace weir::detail
