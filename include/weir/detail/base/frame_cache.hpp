// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "export.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <new>

namespace weir::detail {

struct free_block {
  free_block* next;
  free_block* next_batch; // in the first block of a batch in the shared pool
};

struct free_list {
  free_block* first = nullptr;
  unsigned room = 0; // blocks to add before a batch is handed over
};

// The size classes are 24, 40, 56, ... bytes: glibc's malloc puts 8 bytes
// before a block and rounds the whole up to a multiple of 16.
struct size_class {
  static constexpr std::size_t step = 16;
  static constexpr std::size_t count = 64;
  static constexpr std::size_t smallest = 24;
  static constexpr std::size_t largest = smallest + step * (count - 1);

  static constexpr std::size_t index(std::size_t size) noexcept {
    return size <= smallest ? 0 : (size - smallest - 1) / step + 1;
  }
  static constexpr std::size_t bytes(std::size_t index) noexcept {
    return smallest + index * step;
  }
};

// A thread's free lists, one for each size class.
struct thread_lists {
  std::array<free_list, size_class::count> of;
};

// This thread's lists, in its thread_block (lib/base/thread_context.hpp). A
// pointer, because the dynamic linker has little static TLS for all modules
// that are loaded late. Never null: a thread without a thread_block has lists
// that are empty and have no room.
WEIR_API extern constinit thread_local thread_lists* lists_of_thread
    [[gnu::tls_model("initial-exec")]];

// Clang computes the address of a thread_local variable once for a coroutine,
// or once before a loop in it, and uses it after the coroutine has moved to
// another thread: version 16 at -O1, and in rarer shapes up to 18 at least. It
// repeats a call that reads memory. Source: LLVM issues 47179, 63022 and 81937.
#if defined(__clang__)
[[gnu::noinline]]
#else
[[gnu::always_inline]]
#endif
inline thread_lists*
this_threads_lists() noexcept {
  return lists_of_thread;
}

// For large blocks, empty lists and full lists.
WEIR_API void* cache_allocate_slowly(std::size_t size);
WEIR_API void cache_deallocate_slowly(void* block, std::size_t size) noexcept;

// Memory for coroutine frames, control blocks and handlers: per-thread free
// lists by size class, which trade batches with a pool that all threads share
// (lib/base/frame_cache.cpp). Any thread may free what another allocated.
// Blocks are aligned for std::max_align_t.
//
// Inline: the size of a frame is a constant, so that a few instructions remain.
[[gnu::always_inline]] inline void* cache_allocate(std::size_t size) {
  if (size <= size_class::largest) {
    free_list& list = this_threads_lists()->of[size_class::index(size)];
    if (free_block* const block = list.first) {
      list.first = block->next;
      ++list.room;
      __builtin_prefetch(list.first); // Cold, and soon wanted.
      return block;
    }
  }
  return cache_allocate_slowly(size);
}

[[gnu::always_inline]] inline void cache_deallocate(void* p,
                                                    std::size_t size) noexcept {
  if (size <= size_class::largest) {
    free_list& list = this_threads_lists()->of[size_class::index(size)];
    if (list.room != 0) {
      auto* const block = static_cast<free_block*>(p);
      block->next = list.first;
      list.first = block;
      --list.room;
      return;
    }
  }
  cache_deallocate_slowly(p, size);
}

// True if a block of the cache is aligned enough for T.
template <typename T>
inline constexpr bool fits_block = alignof(T) <= alignof(std::max_align_t);

// The base of a class `T` whose objects are allocated from the cache one by
// one. Creating an object of a class with a larger alignment does not compile.
template <typename T>
struct cached {
  [[gnu::always_inline]] static void* operator new(std::size_t size) {
    static_assert(fits_block<T>,
                  "blocks of weir's frame cache are aligned for "
                  "std::max_align_t: this class is aligned for more");
    return cache_allocate(size);
  }
  [[gnu::always_inline]] static void
  operator delete(void* p, std::size_t size) noexcept {
    cache_deallocate(p, size);
  }
};

// The same for a class with a member of a type that its user chooses: with a
// larger alignment, its objects come from the global allocator.
template <typename T>
struct cached_if_fits {
  static void* operator new(std::size_t size) {
    if constexpr (fits_block<T>)
      return cache_allocate(size);
    else
      return ::operator new(size, std::align_val_t(alignof(T)));
  }
  static void operator delete(void* p, std::size_t size) noexcept {
    if constexpr (fits_block<T>)
      cache_deallocate(p, size);
    else
      ::operator delete(p, std::align_val_t(alignof(T)));
  }
};

// Gives back to malloc what this thread and the shared pool keep.
void empty_cache() noexcept;

// Allocates `count` blocks and frees them again, so that they are in the cache.
WEIR_API void reserve_blocks(std::size_t count, std::size_t size);
// Of the blocks that one thread frees, any other thread can allocate all but
// `cache_slack`.
inline constexpr std::size_t cache_slack = 96;

// The cache as a standard allocator, for handlers given to Asio.
template <typename T>
class cache_allocator {
public:
  using value_type = T;

  cache_allocator() = default;
  template <typename U>
  cache_allocator(const cache_allocator<U>&) noexcept {}

  T* allocate(std::size_t n) {
    static_assert(fits_block<T>,
                  "blocks of weir's frame cache are aligned for "
                  "std::max_align_t: this type is aligned for more");
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
