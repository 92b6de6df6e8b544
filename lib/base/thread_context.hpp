// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>

#include <cstddef>

namespace weir::detail {

class driver;
class task_core;
struct worker;
struct pending_cancels;
struct virtual_clock;

// What the engine knows about a thread.
struct thread_context {
  // The task whose strand this thread holds, to run the task or to emit to it.
  task_core* current = nullptr;
  // Set once on a pool thread, by the scheduler of that pool.
  worker* self = nullptr;
  // Of the deterministic runtime that this thread runs at the moment.
  driver* drives = nullptr;
  // The virtual clock of this thread: that of `drives`, else the latest one
  // that the thread has created.
  virtual_clock* clock = nullptr;
  // Of the outermost group that this thread cancels.
  pending_cancels* cancels = nullptr;
};

// What weir keeps for a thread. Created when the thread first needs to write to
// it, and freed when the thread ends. If a destructor that runs later on the
// thread needs a block, it gets another one, until that destructor has run.
struct thread_block : thread_lists {
  thread_context context;
  std::size_t heap_left = 0; // bytes, see grow_heap()
  std::size_t number = 0;    // see throw_aborted(); 0: none yet
  bool abandons = false;     // see teardown_scope
};

// This thread's block; creates it if there is none. Ends the process when there
// is no memory.
thread_block& own_block() noexcept;

#if defined(WEIR_SYNC_POLICY)
// In a test: the context of what stands for a thread.
thread_context& this_thread() noexcept;
inline thread_context& own_thread() noexcept { return this_thread(); }
#else
// May be read on any thread, and written on a thread that has called
// own_thread(): the threads of a runtime have, since they were bound to a
// worker. On any other thread there may be no block to write to.
inline thread_context& this_thread() noexcept {
  return static_cast<thread_block*>(lists_of_thread)->context;
}
inline thread_context& own_thread() noexcept { return own_block().context; }
#endif

} // namespace weir::detail
