// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <atomic>
#include <utility>

namespace weir::test {

/// Counts the objects alive, in `alive`. Moved-from objects do not count.
class counted final {
public:
  explicit counted(std::atomic<int>& alive) noexcept : alive_(&alive) {
    ++alive;
  }
  counted(const counted& other) noexcept : alive_(other.alive_) {
    if (alive_ != nullptr)
      ++*alive_;
  }
  counted(counted&& other) noexcept
      : alive_(std::exchange(other.alive_, nullptr)) {}
  counted& operator=(counted other) noexcept {
    std::swap(alive_, other.alive_);
    return *this;
  }
  ~counted() {
    if (alive_ != nullptr)
      --*alive_;
  }

  explicit operator bool() const noexcept { return alive_ != nullptr; }

private:
  std::atomic<int>* alive_;
};

} // namespace weir::test
