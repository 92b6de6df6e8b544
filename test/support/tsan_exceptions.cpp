// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Only in the thread-sanitizer build. An exception counts its owners inside
// libstdc++, which is not instrumented. When two threads release one exception,
// TSan cannot see what orders the reads of the first thread before the second
// thread frees the exception, and reports a race where there is none. A
// suppression cannot help: the stack of that report names no function but the
// test's.

#include <cxxabi.h>
#include <dlfcn.h>

extern "C" {

// Part of TSan's runtime, declared in no header.
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);

} // extern "C"

// Replaces libstdc++'s function, which is called for the last owner.
void abi::__cxa_free_exception(void* exception) noexcept {
  static const auto real = reinterpret_cast<void (*)(void*)>(
      dlsym(RTLD_NEXT, "__cxa_free_exception"));
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  real(exception);
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}
