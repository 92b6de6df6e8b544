// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

// Replaces malloc() and its kin with functions that count and call glibc's. For
// one source of a program; not with sanitizers, which replace them as well.

#include "libc_malloc.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <malloc.h>

namespace {

std::atomic<std::uint64_t> allocations{0};
std::atomic<std::int64_t> live_bytes{0};
std::atomic<std::int64_t> peak_bytes{0}; // of live_bytes; may be reset

void* note(void* p) noexcept {
  if (p != nullptr) {
    // relaxed: sums and a maximum that order nothing.
    allocations.fetch_add(1, std::memory_order_relaxed);
    const auto size = static_cast<std::int64_t>(malloc_usable_size(p));
    const std::int64_t live =
        live_bytes.fetch_add(size, std::memory_order_relaxed) + size;
    std::int64_t peak = peak_bytes.load(std::memory_order_relaxed);
    while (live > peak && !peak_bytes.compare_exchange_weak(
                              peak, live, std::memory_order_relaxed)) {
    }
  }
  return p;
}

void note_free(void* p) noexcept {
  if (p != nullptr)
    live_bytes.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(p)),
                         std::memory_order_relaxed);
}

} // namespace

extern "C" {
void* malloc(std::size_t size) noexcept { return note(__libc_malloc(size)); }
void* calloc(std::size_t n, std::size_t size) noexcept {
  return note(__libc_calloc(n, size));
}
void* realloc(void* p, std::size_t size) noexcept {
  note_free(p);
  return note(__libc_realloc(p, size));
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return note(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return note(__libc_memalign(alignment, size));
}
int posix_memalign(void** p, std::size_t alignment, std::size_t size) noexcept {
  *p = note(__libc_memalign(alignment, size));
  return *p != nullptr ? 0 : ENOMEM;
}
void free(void* p) noexcept {
  note_free(p);
  __libc_free(p);
}
} // extern "C"
