// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace weir::test::threads {

/// Allocates as long as `left` lasts, then fails.
template <typename T>
struct failing_allocator {
  using value_type = T;

  explicit failing_allocator(unsigned& budget) noexcept : left(&budget) {}
  template <typename U>
  failing_allocator(const failing_allocator<U>& other) noexcept
      : left(other.left) {}

  T* allocate(std::size_t n) {
    if (*left == 0)
      throw std::bad_alloc();
    --*left;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* block, std::size_t n) noexcept {
    std::allocator<T>().deallocate(block, n);
  }
  bool operator==(const failing_allocator&) const = default;

  unsigned* left;
};

} // namespace weir::test::threads
