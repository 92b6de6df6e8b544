// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// longjmp() from stack to stack is what this file is about.
#undef _FORTIFY_SOURCE

#include "explorer.hpp"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <ucontext.h>

// Not instrumented: what it does is not the doing of a thread.

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
constexpr unsigned sync = 0;    // a switch that orders what both have done
constexpr unsigned no_sync = 1; // one that does not

// What the C++ runtime knows of a thread's exceptions.
struct exceptions {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

void tell_tsan(void* fiber, unsigned flags) noexcept {
#if defined(WEIR_TSAN_FIBERS)
  __tsan_switch_to_fiber(fiber, flags);
#else
  (void)fiber;
  (void)flags;
#endif
}

} // namespace

struct explorer::fiber {
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  std::jmp_buf jump{};
  void* tsan = nullptr;
  exceptions thrown;
  bool has_jump = false; // else it is entered through its context
  bool ended = false;
  bool paused = false;
  std::size_t delayed = 0;
  std::array<store, most_delayed> stores;
};

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

// --- fibers
// --------------------------------------------------------------------

void explorer::make(std::size_t thread) {
  fiber& f = fibers_[thread];
  // A thread that is stuck may not be done with its stack.
  if (f.stack && !f.ended)
    (void)f.stack.release();
  if (!f.stack)
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
  auto* const thrown = reinterpret_cast<exceptions*>(abi::__cxa_get_globals());
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

// The model's threads begin after all that was done before, and all that is
// done later comes after them; no switch in between orders anything.
void explorer::meet() noexcept {
  for (std::size_t t = 0; t != threads_; ++t) {
    tell_tsan(fibers_[t].tsan, sync);
    tell_tsan(fibers_[most_threads].tsan, sync);
  }
}

bool explorer::play(std::size_t threads,
                    unsigned liberties,
                    void* model,
                    body_fn body) {
  model_ = model;
  body_ = body;
  threads_ = threads;
  liberties_ = liberties;
  at_ = steps_ = length_ = 0;
  for (std::size_t t = 0; t != threads; ++t) {
    fiber& f = fibers_[t];
    if (!f.stack || !f.ended)
      make(t);
    f.ended = f.paused = false;
    f.delayed = 0;
  }
  meet();
  active_ = this;
  swap_out();
  active_ = nullptr;
  meet();
  for (std::size_t t = 0; t != threads; ++t)
    if (!fibers_[t].ended)
      return false;
  return true;
}

// --- schedules
// -----------------------------------------------------------------

std::string explorer::schedule() const {
  return std::string(schedule_.data(), length_);
}

bool explorer::next_trail() noexcept {
  while (!trail_.empty() && trail_.back().taken + 1 == trail_.back().options)
    trail_.pop_back();
  if (!trail_.empty())
    ++trail_.back().taken;
  return !trail_.empty();
}

// One of `options`, the first unless the trail says otherwise. `costs`: the
// others cost a liberty.
std::size_t explorer::choose(std::size_t options, bool costs) noexcept {
  if (options == 1)
    return 0;
  if (random_ != 0) {
    // xorshift64
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const std::uint64_t drawn = random_ >> 32;
    if (costs && drawn % 8 != 0)
      return 0;
    return (drawn >> 3) % options;
  }
  if (at_ == trail_.size())
    trail_.push_back({0, static_cast<std::uint8_t>(options)});
  return trail_[at_++].taken;
}

// Whoever runs comes first: to let it go on is no liberty. most_threads: none
// can go on.
std::size_t explorer::next_thread() noexcept {
  const bool can_go_on = running_ != most_threads && !fibers_[running_].ended &&
                         !fibers_[running_].paused;
  if (can_go_on && liberties_ == 0)
    return running_;
  std::size_t ready[most_threads];
  std::size_t count = 0;
  const std::size_t first = running_ == most_threads ? 0 : running_;
  for (std::size_t i = 0; i != threads_; ++i) {
    const std::size_t t =
        first + i < threads_ ? first + i : first + i - threads_;
    if (!fibers_[t].ended && !fibers_[t].paused)
      ready[count++] = t;
  }
  if (count == 0)
    return most_threads;
  const std::size_t next = ready[choose(count, can_go_on)];
  if (can_go_on && next != running_)
    --liberties_;
  return next;
}

void explorer::swap_out() noexcept {
  const std::size_t next = ++steps_ < longest ? next_thread() : most_threads;
  if (next != most_threads)
    schedule_[length_++] = static_cast<char>('0' + next);
  if (next != running_)
    switch_to(next);
}

void explorer::step() noexcept { swap_out(); }

bool explorer::fault() noexcept {
  if (liberties_ == 0 || choose(2, true) == 0)
    return false;
  --liberties_;
  schedule_[length_++] = '!';
  return true;
}

void explorer::wrote() noexcept {
  for (std::size_t t = 0; t != threads_; ++t)
    if (t != running_)
      fibers_[t].paused = false;
}

void explorer::pause() noexcept {
  if (fibers_[running_].delayed != 0) {
    flush(); // Meanwhile something may have been written: look again.
    return;
  }
  fibers_[running_].paused = true;
  swap_out();
}

void mark::set() noexcept {
  set_ = true;
  if (explorer* const e = explorer::active(); e != nullptr)
    e->wrote();
}

bool mark::is_set() const noexcept { return set_; }

// --- stores
// --------------------------------------------------------------------

const explorer::store* explorer::delayed(const void* where) const noexcept {
  const fiber& f = fibers_[running_];
  for (std::size_t i = f.delayed; i != 0; --i)
    if (f.stores[i - 1].where == where)
      return &f.stores[i - 1];
  return nullptr;
}

bool explorer::delay(const store& s) noexcept {
  if (fibers_[running_].delayed == most_delayed)
    flush();
  fiber& f = fibers_[running_];
  f.stores[f.delayed++] = s;
  return f.delayed == 1;
}

void explorer::publish() noexcept {
  fiber& f = fibers_[running_];
  if (f.delayed == 0)
    return;
  for (std::size_t i = 0; i != f.delayed; ++i)
    f.stores[i].apply(f.stores[i].where, f.stores[i].bits);
  f.delayed = 0;
  wrote();
}

void explorer::flush() noexcept {
  if (fibers_[running_].delayed != 0)
    step();
  publish();
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
