// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// This file uses longjmp() to switch between stacks.
#undef _FORTIFY_SOURCE

#include "explorer_fiber.hpp"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <ucontext.h>

// Not instrumented: its accesses are not those of a model's thread.

#if defined(WEIR_TSAN_FIBERS)
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}
#endif

namespace weir::test {

namespace {

constexpr std::size_t stack_size = 256 * 1024;
// Switches: one that orders what both have done, and one that does not.
constexpr unsigned sync = 0;
[[maybe_unused]] constexpr unsigned no_sync = 1;

void tell_tsan(void* fiber, unsigned flags) noexcept {
#if defined(WEIR_TSAN_FIBERS)
  __tsan_switch_to_fiber(fiber, flags);
#else
  (void)fiber;
  (void)flags;
#endif
}

} // namespace

explorer::explorer() : fibers_(new fiber[most_threads + 1]) {
  trail_.reserve(2 * longest);
#if defined(WEIR_TSAN_FIBERS)
  fibers_[most_threads].tsan = __tsan_get_current_fiber();
#endif
}

explorer::~explorer() {
#if defined(WEIR_TSAN_FIBERS)
  for (std::size_t i = 0; i != most_threads; ++i)
    if (fibers_[i].tsan != nullptr)
      __tsan_destroy_fiber(fibers_[i].tsan);
#endif
}

void explorer::make(std::size_t thread) {
  fiber& f = fibers_[thread];
  // The stack of a thread that is stuck is not reused: it belongs to a model
  // that is not destroyed either.
  if (!f.stack || !f.ended)
    f.stack.reset(new char[stack_size]);
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack.get();
  f.context.uc_stack.ss_size = stack_size;
  f.context.uc_link = nullptr;
  makecontext(&f.context, &explorer::enter, 0);
  f.has_jump = false;
  f.ended = true; // of the body
  f.thrown = {};
#if defined(WEIR_TSAN_FIBERS)
  if (f.tsan != nullptr)
    __tsan_destroy_fiber(f.tsan);
  f.tsan = __tsan_create_fiber(0);
#endif
}

void explorer::enter() {
  explorer& self = *active_;
  const std::size_t me = self.running_;
  for (;;) {
    self.body_(self.model_, me);
    self.flush();
    self.fibers_[me].ended = true;
    self.swap_out();
  }
}

void explorer::switch_to(std::size_t next) noexcept {
  fiber& from = fibers_[running_];
  fiber& to = fibers_[next];
  running_ = next;
  auto* const thrown =
      reinterpret_cast<thrown_exceptions*>(abi::__cxa_get_globals());
  from.thrown = *thrown;
  *thrown = to.thrown;
#if defined(WEIR_TSAN_FIBERS)
  tell_tsan(to.tsan, no_sync);
  swapcontext(&from.context, &to.context);
#else
  from.has_jump = true;
  // Without the system call that swapcontext() makes.
  if (_setjmp(from.jump) == 0) {
    if (to.has_jump)
      _longjmp(to.jump, 1);
    setcontext(&to.context);
  }
#endif
}

// All that was done before happens before the model's threads, and all that is
// done later happens after them; no switch in between orders anything.
void explorer::meet() noexcept {
  for (std::size_t t = 0; t != threads_; ++t) {
    tell_tsan(fibers_[t].tsan, sync);
    tell_tsan(fibers_[most_threads].tsan, sync);
  }
}

} // namespace weir::test

#if defined(WEIR_TSAN_FIBERS)
// Called by TSan's runtime after each report.
extern "C" void __tsan_on_report(void*) {
  const auto* const e = weir::test::explorer::active();
  if (e == nullptr)
    return;
  std::fprintf(stderr, "weir: under schedule %s\n", e->schedule().c_str());
  std::_Exit(66);
}
#endif
