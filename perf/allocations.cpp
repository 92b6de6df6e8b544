// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Counts allocations. A library of its own, preloaded in rounds that are not
// timed, so that timed rounds run on glibc's malloc untouched. `operator new`
// and Asio's aligned_new end here too; free() is left alone.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

extern "C" {

// glibc's own entries.
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* block, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

} // extern "C"

namespace {

// relaxed: a number, read after the threads that counted were waited for.
constinit std::atomic<std::uint64_t> allocations = 0;

void count() noexcept { allocations.fetch_add(1, std::memory_order_relaxed); }

} // namespace

extern "C" {

std::uint64_t weir_perf_allocations() noexcept {
  return allocations.load(std::memory_order_relaxed);
}

void* malloc(std::size_t size) noexcept {
  count();
  return __libc_malloc(size);
}

void* calloc(std::size_t number, std::size_t size) noexcept {
  count();
  return __libc_calloc(number, size);
}

void* realloc(void* block, std::size_t size) noexcept {
  count();
  return __libc_realloc(block, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  count();
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}

int posix_memalign(void** block,
                   std::size_t alignment,
                   std::size_t size) noexcept {
  void* made = memalign(alignment, size);
  if (made == nullptr)
    return ENOMEM;
  *block = made;
  return 0;
}

} // extern "C"
