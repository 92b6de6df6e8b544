// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>

#include <cstddef>

namespace weir::detail {

class driver;
class task_core;
struct worker;
struct pending_tells;
struct virtual_clock;

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
  virtual_clock* clock = nullptr;
  // Of the group that this thread cancels, and that others are nested in.
  pending_tells* tells = nullptr;
};

// What weir keeps for a thread. Made when the thread first needs to write to
// it, and given back when the thread ends; should a later destructor of the
// thread need one, it gets another, for as long.
struct thread_block : thread_lists {
  thread_context context;
  std::size_t heap_left = 0; // bytes, see grow_heap()
  std::size_t number = 0;    // see throw_aborted(); 0: none yet
  bool abandons = false;     // see teardown_scope
};

// This thread's; makes it. Ends the process when there is no memory.
thread_block& own_block() noexcept;

#if defined(WEIR_SYNC_POLICY)
// A test's: of what stands for a thread.
thread_context& this_thread() noexcept;
inline thread_context& own_thread() noexcept { return this_thread(); }
#else
// To read, and to write on a thread that has called own_thread(): those of a
// runtime have, from when they are bound to a worker. On any other thread
// there may be nothing to write to.
inline thread_context& this_thread() noexcept {
  return static_cast<thread_block*>(lists_of_thread)->context;
}
inline thread_context& own_thread() noexcept { return own_block().context; }
#endif

} // namespace weir::detail
