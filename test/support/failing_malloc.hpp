// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

// Replaces malloc() and its kin with functions that fail on request and
// otherwise call glibc's; operator new and weir's cache of frames call them.
// For one source of a program; not with sanitizers, which replace them as well.
//
// Never fail: calloc(), by which glibc allocates what it must have (such as the
// list of destructors of thread-local objects), and the memory of exceptions.
// allocation_faults chooses which calls fail.

#include "allocation_faults.hpp"
#include "libc_malloc.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <dlfcn.h>

namespace weir::test {

namespace failing_malloc {

using allocate_fn = void* (*)(std::size_t) noexcept;
// Looked up before main(): the lookup may allocate.
inline const allocate_fn real_allocate_exception =
    reinterpret_cast<allocate_fn>(
        ::dlsym(RTLD_NEXT, "__cxa_allocate_exception"));

template <typename Allocate>
void* allocate(Allocate f) noexcept {
  if (allocation_faults::fails_now()) {
    errno = ENOMEM;
    return nullptr;
  }
  return allocation_faults::count(f());
}

} // namespace failing_malloc
} // namespace weir::test

extern "C" {
void* malloc(std::size_t size) noexcept {
  return weir::test::failing_malloc::allocate(
      [=] { return __libc_malloc(size); });
}
void* calloc(std::size_t n, std::size_t size) noexcept {
  return weir::test::allocation_faults::count(__libc_calloc(n, size));
}
void* realloc(void* p, std::size_t size) noexcept {
  if (p == nullptr)
    return malloc(size);
  if (weir::test::allocation_faults::fails_now())
    return nullptr;
  return __libc_realloc(p, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return weir::test::failing_malloc::allocate(
      [=] { return __libc_memalign(alignment, size); });
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return aligned_alloc(alignment, size);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t size) noexcept {
  *p = aligned_alloc(alignment, size);
  return *p != nullptr ? 0 : ENOMEM;
}
void free(void* p) noexcept {
  weir::test::allocation_faults::count_free(p);
  __libc_free(p);
}

void* __cxa_allocate_exception(std::size_t size) noexcept {
  const bool before = weir::test::allocation_faults::exempt;
  weir::test::allocation_faults::exempt = true;
  void* const p = weir::test::failing_malloc::real_allocate_exception(size);
  weir::test::allocation_faults::exempt = before;
  return p;
}
} // extern "C"
