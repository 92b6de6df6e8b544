// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <cstdint>

namespace weir::detail {

// How many drain handlers are active, and how many of them search for work. A
// push starts another one only if fewer than `limit` are active and none is
// searching: a worker that finds work starts the next.
//
// While some workers are active and some are idle, none of which searches, one
// of the idle *watches*: it looks again after a while. It naps if the others
// had only short tasks, which are better left to them: then it looks again
// soon, and an active worker starts none for what it will run itself.
//
// One word: active in the low half, searching (a part of active) in the high,
// and two flags: a worker watches, and it naps.
template <typename Sync>
class basic_idle_workers {
public:
  explicit basic_idle_workers(std::uint32_t limit) noexcept : limit_(limit) {}

  // Any thread, after a push. True: post a drain handler; it is counted as
  // searching. The caller has fenced the push, see scheduler::notify().
  bool try_enter() noexcept {
    // relaxed: ordered by the caller's fence.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    do {
      if (searching(seen) != 0 || active(seen) >= limit_)
        return false;
    } while (!word_.compare_exchange_weak(seen,
                                          seen + one_active + one_searching,
                                          // seq_cst: see leave().
                                          std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    return true;
  }

  // A searcher that found work. True: it was the last to search.
  bool found_work() noexcept {
    // acq_rel: a later try_enter() sees what this worker took.
    return searching(
               word_.fetch_sub(one_searching, std::memory_order_acq_rel)) == 1;
  }

  // Any thread; a hint. An active worker that pushes when it is true needs no
  // try_enter(), and no fence: as long as it is active, an idle worker looks
  // again and again at what was pushed, see watch().
  bool is_napping() const noexcept {
    // relaxed: as above.
    return (word_.load(std::memory_order_relaxed) & napping_flag) != 0;
  }

  // After found_work(): there may be no other searcher. True: the caller sees
  // to it that end_watch() is called after a while.
  bool watch() noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & watching_flag) != 0 || active(seen) >= limit_)
        return false;
    } while (!word_.compare_exchange_weak(seen,
                                          seen | watching_flag,
                                          // seq_cst: see leave().
                                          std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    return true;
  }

  // Once for each watch. True: as try_enter(). A worker that searches meanwhile
  // watches when it leaves, or when it has found work.
  bool end_watch() noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    bool enters = false;
    do {
      enters =
          searching(seen) == 0 && active(seen) != 0 && active(seen) < limit_;
    } while (!word_.compare_exchange_weak(
        seen,
        (seen & ~(watching_flag | napping_flag)) +
            (enters ? one_active + one_searching : 0),
        // seq_cst: see leave().
        std::memory_order_seq_cst,
        std::memory_order_relaxed));
    return enters;
  }

  // A worker without work starts to look for some.
  void search() noexcept {
    // relaxed: only a count; leave() orders.
    word_.fetch_add(one_searching, std::memory_order_relaxed);
  }

  struct leaving {
    bool watches; // The caller sees to it that end_watch() is called.
    bool is_nap;  // The last look need not include active workers.
  };

  // A searcher stops. If another worker is active, and none watches, it
  // watches, and naps if it `may_nap`. It must look at the queues once more
  // after this: a push that saw it searching did not start another.
  leaving leave(bool may_nap) noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    bool watches = false;
    do {
      wanted = seen - one_active - one_searching;
      watches = active(wanted) != 0 && (seen & watching_flag) == 0;
      if (watches)
        wanted |= watching_flag | (may_nap ? napping_flag : 0);
    } while (!word_.compare_exchange_weak(
        seen,
        wanted,
        // seq_cst: in one order with the fence between a push and try_enter().
        // Either that push sees that this worker has left, or this worker's
        // last look, which follows, sees what was pushed.
        std::memory_order_seq_cst,
        std::memory_order_relaxed));
    return {watches, (wanted & napping_flag) != 0};
  }

  // Any thread; a hint.
  std::uint32_t busy() const noexcept {
    return active(word_.load(std::memory_order_relaxed)); // only a number
  }

private:
  static constexpr std::uint64_t one_active = 1;
  static constexpr std::uint64_t one_searching = std::uint64_t(1) << 32;
  static constexpr std::uint64_t watching_flag = std::uint64_t(1) << 62;
  static constexpr std::uint64_t napping_flag = std::uint64_t(1) << 63;
  static std::uint32_t active(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
  }
  static std::uint32_t searching(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(
        (word & ~(watching_flag | napping_flag)) >> 32);
  }

  const std::uint32_t limit_;
  alignas(64) typename Sync::template atomic<std::uint64_t> word_{0};
};

using idle_workers = basic_idle_workers<std_sync>;

} // namespace weir::detail
