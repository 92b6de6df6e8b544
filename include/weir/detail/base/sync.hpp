// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "export.hpp"

#include <atomic>
#include <mutex>

#if defined(WEIR_SYNC_HEADER)
#include WEIR_SYNC_HEADER // a test's header, which defines another policy
#endif

namespace weir::detail {

// Every atomic, lock and pause of the engine's protocols goes through such a
// policy, so that a test can use another one that yields to a schedule
// explorer: for one class, which is then a template, or for all, see `sync`.
struct std_sync {
  template <typename T>
  using atomic = std::atomic<T>;
  using mutex = std::mutex;

  static void fence_seq_cst() noexcept {
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer does not model fences; a seq_cst read-modify-write on a
    // variable of its own orders the same accesses.
    static std::atomic<int> ordered{0};
    ordered.fetch_add(1, std::memory_order_seq_cst);
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    static std::atomic<int> ordered{0};
    ordered.fetch_add(1, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }

  // std::this_thread::yield().
  WEIR_API static void yield() noexcept;
  // One step of waiting for another thread, `round` counted from 0.
  static void pause(unsigned round) noexcept {
    if (round < 64) {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    } else {
      yield(); // The holder may have been preempted.
    }
  }
};

// Held for tens of nanoseconds, never while foreign code is called.
template <typename Sync>
class basic_spin_lock {
public:
  void lock() noexcept {
    // acquire: sees everything the last holder wrote.
    for (unsigned round = 0; locked_.exchange(true, std::memory_order_acquire);)
      // relaxed: only a hint when to try the exchange again.
      while (locked_.load(std::memory_order_relaxed))
        Sync::pause(round++);
  }
  // release: publishes the critical section to the next holder.
  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
  typename Sync::template atomic<bool> locked_{false};
};

// The engine's policy. A program that compiles weir itself may name another.
#if defined(WEIR_SYNC_POLICY)
using sync = WEIR_SYNC_POLICY;
#else
using sync = std_sync;
#endif

using spin_lock = basic_spin_lock<sync>;

} // namespace weir::detail
