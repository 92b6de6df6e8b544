// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

namespace weir::detail {

class driver;
class task_core;
struct worker;
struct pending_tells;

// What the engine knows about a thread.
struct thread_context {
  // The task whose strand this thread holds: it runs it, or emits to it.
  task_core* current = nullptr;
  // Set once on a pool thread, by the scheduler whose pool it is.
  worker* self = nullptr;
  // Of the deterministic runtime that this thread runs at the moment.
  driver* drives = nullptr;
  // Whose virtual time is this thread's: that one's, else the latest that the
  // thread has made.
  driver* clock = nullptr;
  // Of the group that this thread cancels, and that others are nested in.
  pending_tells* tells = nullptr;
};

#if defined(WEIR_SYNC_POLICY)
// A test's: of what stands for a thread.
thread_context& this_thread() noexcept;
#else
// constinit: no initialisation guard at each access. initial-exec: no call of
// the dynamic linker's either, when weir is a shared library.
extern constinit thread_local thread_context context_of_thread
    [[gnu::tls_model("initial-exec")]];

inline thread_context& this_thread() noexcept { return context_of_thread; }
#endif

} // namespace weir::detail
