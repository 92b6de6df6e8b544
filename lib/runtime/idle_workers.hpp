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
// While one worker naps, an active worker starts none for what it will run
// itself. A worker naps when it has searched and the others had only short
// tasks, which are better left to them: it looks again after a while, in case
// that one of them has a long task by then.
//
// One word: active in the low half, searching (a part of active) in the high,
// and a flag for the nap.
template <typename Sync>
class basic_idle_workers {
public:
  explicit basic_idle_workers(std::uint32_t limit) noexcept : limit_(limit) {}

  // Any thread, after a push. True: post a drain handler; it is counted as
  // searching. The caller has fenced the push, see scheduler::push().
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
  // try_enter(), and no fence: the worker that naps looks at what was pushed
  // within the time of a nap.
  bool is_napping() const noexcept {
    // relaxed: if that nap has ended, the worker has begun another one since
    // then, or will, for there is an active worker.
    return (word_.load(std::memory_order_relaxed) & napping_flag) != 0;
  }

  // Once for each nap. True: as try_enter().
  bool end_nap() noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    do {
      wanted = seen & ~napping_flag;
      if (searching(seen) == 0 && active(seen) < limit_)
        wanted += one_active + one_searching;
    } while (!word_.compare_exchange_weak(seen,
                                          wanted,
                                          // seq_cst: see leave().
                                          std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    return searching(wanted) != searching(seen);
  }

  // A worker without work starts to look for some.
  void search() noexcept {
    // relaxed: only a count; leave() orders.
    word_.fetch_add(one_searching, std::memory_order_relaxed);
  }

  enum class rest : std::uint8_t {
    idle,
    nap, // The caller sees to it that end_nap() is called after a while.
    other_naps,
  };

  // A searcher stops, and naps if another worker is active. It must look at the
  // queues once more after this, but at those of active workers only if no
  // worker naps: a push that saw it searching did not start another.
  rest leave() noexcept {
    // relaxed: the exchange orders.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    do {
      wanted = seen - one_active - one_searching;
      if (active(wanted) != 0)
        wanted |= napping_flag;
    } while (!word_.compare_exchange_weak(
        seen,
        wanted,
        // seq_cst: in one order with the fence between a push and try_enter().
        // Either that push sees that this worker has left, or this worker's
        // last look, which follows, sees what was pushed.
        std::memory_order_seq_cst,
        std::memory_order_relaxed));
    if (active(wanted) == 0)
      return rest::idle;
    return (seen & napping_flag) != 0 ? rest::other_naps : rest::nap;
  }

  // Any thread; a hint.
  std::uint32_t busy() const noexcept {
    return active(word_.load(std::memory_order_relaxed)); // only a number
  }

private:
  static constexpr std::uint64_t one_active = 1;
  static constexpr std::uint64_t one_searching = std::uint64_t(1) << 32;
  static constexpr std::uint64_t napping_flag = std::uint64_t(1) << 63;
  static std::uint32_t active(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
  }
  static std::uint32_t searching(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>((word & ~napping_flag) >> 32);
  }

  const std::uint32_t limit_;
  alignas(64) typename Sync::template atomic<std::uint64_t> word_{0};
};

using idle_workers = basic_idle_workers<std_sync>;

} // namespace weir::detail
