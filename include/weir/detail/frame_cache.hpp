// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <limits>
#include <new>

namespace weir::detail {

// Memory for coroutine frames, control blocks and handlers: per-thread free
// lists by size class (lib/frame_cache.cpp). Any thread may free what another
// allocated. Blocks are aligned for std::max_align_t.
void* cache_allocate(std::size_t size);
void cache_deallocate(void* block, std::size_t size) noexcept;

// The cache as a standard allocator, for handlers given to Asio.
template <typename T>
class cache_allocator {
public:
  using value_type = T;

  cache_allocator() = default;
  template <typename U>
  cache_allocator(const cache_allocator<U>&) noexcept {}

  T* allocate(std::size_t n) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T))
      throw std::bad_array_new_length();
    return static_cast<T*>(cache_allocate(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept {
    cache_deallocate(p, n * sizeof(T));
  }

  template <typename U>
  bool operator==(const cache_allocator<U>&) const noexcept {
    return true;
  }
};

template <>
class cache_allocator<void> {
public:
  using value_type = void;

  cache_allocator() = default;
  template <typename U>
  cache_allocator(const cache_allocator<U>&) noexcept {}

  template <typename U>
  bool operator==(const cache_allocator<U>&) const noexcept {
    return true;
  }
};

} // namespace weir::detail
