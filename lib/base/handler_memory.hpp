// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>

namespace weir::detail {

// Memory for the handlers that the engine itself gives to Asio: from the cache
// of frames, and from a reserve when there is none. The number of handlers that
// exist at a time is bounded, and the reserve is enough for all of them: waking
// a worker does not fail.
class handler_memory final {
public:
  // Size of one handler: Asio's operations are half as large.
  static constexpr std::size_t largest = 256;

  explicit handler_memory(std::size_t reserve)
      : slots_(std::make_unique<slot[]>(reserve)), count_(reserve) {}

  // Any thread.
  void* allocate(std::size_t size) {
    try {
      return cache_allocate(size);
    } catch (const std::bad_alloc&) {
      if (size <= largest)
        for (slot* s = slots_.get(); s != slots_.get() + count_; ++s)
          // acquire: pairs with deallocate().
          if (!s->is_taken.exchange(true, std::memory_order_acquire))
            return s->bytes;
      throw;
    }
  }
  void deallocate(void* p, std::size_t size) noexcept {
    if (slot* const s = slot_of(p))
      // release: what was done with it happens before it is taken again.
      s->is_taken.store(false, std::memory_order_release);
    else
      cache_deallocate(p, size);
  }

private:
  struct slot {
    alignas(std::max_align_t) std::byte bytes[largest];
    std::atomic<bool> is_taken{false};
  };

  slot* slot_of(void* p) const noexcept {
    const auto* const at = static_cast<std::byte*>(p);
    const auto* const first = reinterpret_cast<std::byte*>(slots_.get());
    const auto* const last =
        reinterpret_cast<std::byte*>(slots_.get() + count_);
    if (std::less<>()(at, first) || !std::less<>()(at, last))
      return nullptr;
    return slots_.get() + static_cast<std::size_t>(at - first) / sizeof(slot);
  }

  const std::unique_ptr<slot[]> slots_;
  const std::size_t count_;
};

// Of a handler: its associated allocator.
template <typename T>
class handler_allocator {
public:
  using value_type = T;

  explicit handler_allocator(handler_memory& from) noexcept : from_(&from) {}
  template <typename U>
  handler_allocator(const handler_allocator<U>& other) noexcept
      : from_(&other.from()) {}

  T* allocate(std::size_t n) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(from_->allocate(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept {
    from_->deallocate(p, n * sizeof(T));
  }
  handler_memory& from() const noexcept { return *from_; }

  template <typename U>
  bool operator==(const handler_allocator<U>& other) const noexcept {
    return from_ == &other.from();
  }

private:
  handler_memory* from_;
};

} // namespace weir::detail
