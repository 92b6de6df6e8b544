// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cassert>
#include <memory>
#include <utility>

namespace weir::test {

// Holds an object that may be accessed while reset() destroys it, by tasks that
// a runtime's destructor still lets run: std::optional and std::unique_ptr are
// empty by then, and libstdc++ asserts that they are not.
template <typename T>
class until_gone {
public:
  until_gone() = default;
  template <typename... Args>
  explicit until_gone(std::in_place_t, Args&&... args) {
    emplace(std::forward<Args>(args)...);
  }
  until_gone(const until_gone&) = delete;
  until_gone& operator=(const until_gone&) = delete;
  ~until_gone() { reset(); }

  template <typename... Args>
  T& emplace(Args&&... args) {
    reset();
    object_ = new T(std::forward<Args>(args)...);
    return *object_;
  }
  void reset() noexcept {
    delete object_;
    object_ = nullptr;
  }
  T& operator*() const noexcept {
    assert(object_ != nullptr && "the object is gone");
    return *object_;
  }
  T* operator->() const noexcept { return std::addressof(**this); }

private:
  T* object_ = nullptr;
};

} // namespace weir::test
