// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "frame_cache.hpp"

#include <cstddef>
#include <utility>

namespace weir::detail {

// Where an executor keeps the posted function that completes an operation:
// `Size` bytes inside the operation, so that posting allocates nothing. Holds
// one function at a time. The thread that posts the function uses it, then the
// thread that runs the function; executors order the two. A function that does
// not fit is allocated from the cache.
template <std::size_t Size>
class completion_memory {
public:
  template <typename T>
  class allocator_of;
  using allocator_type = allocator_of<void>;

  completion_memory() = default;
  completion_memory(const completion_memory&) = delete;
  completion_memory& operator=(const completion_memory&) = delete;

  allocator_type allocator() noexcept { return allocator_type(*this); }

private:
  alignas(void*) std::byte bytes_[Size];
  bool is_taken_ = false;
};

// The associated allocator of such a function.
template <std::size_t Size>
template <typename T>
class completion_memory<Size>::allocator_of {
public:
  using value_type = T;
  template <typename U>
  struct rebind {
    using other = allocator_of<U>;
  };

  explicit allocator_of(completion_memory& from) noexcept : from_(&from) {}
  template <typename U>
  allocator_of(const allocator_of<U>& other) noexcept : from_(other.from_) {}

  T* allocate(std::size_t n) {
    if (alignof(T) > alignof(void*) || n * sizeof(T) > Size ||
        std::exchange(from_->is_taken_, true))
      return cache_allocator<T>().allocate(n);
    return reinterpret_cast<T*>(from_->bytes_);
  }
  void deallocate(T* p, std::size_t n) noexcept {
    if (reinterpret_cast<std::byte*>(p) == from_->bytes_)
      from_->is_taken_ = false;
    else
      cache_allocator<T>().deallocate(p, n);
  }

  template <typename U>
  bool operator==(const allocator_of<U>& other) const noexcept {
    return from_ == other.from_;
  }

private:
  template <typename U>
  friend class allocator_of;

  completion_memory* from_;
};

// For an executor that ignores the associated allocator: nothing is reserved.
template <>
class completion_memory<0> {
public:
  using allocator_type = cache_allocator<void>;
  allocator_type allocator() noexcept { return {}; }
};

// For a function of the size of a pointer that is posted to an `Executor`.
template <typename Executor>
constexpr std::size_t completion_size() noexcept {
  if constexpr (requires(const Executor& e) { e.target_type(); })
    return 0; // any_io_executor and the like
  else
    return 5 * sizeof(void*); // Asio's executors need it; a task's less
}

} // namespace weir::detail
