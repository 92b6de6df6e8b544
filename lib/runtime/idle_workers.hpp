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
// One word: active in the low half, searching (a part of active) in the high.
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

  // A worker without work starts to look for some.
  void search() noexcept {
    // relaxed: only a count; leave() orders.
    word_.fetch_add(one_searching, std::memory_order_relaxed);
  }

  // A searcher stops. It must look at all queues once more after this: a push
  // that saw it searching did not start another.
  void leave() noexcept {
    // seq_cst: in one order with the fence between a push and try_enter().
    // Either that push sees that this worker has left, or this worker's last
    // look, which follows, sees what was pushed.
    word_.fetch_sub(one_active + one_searching, std::memory_order_seq_cst);
  }

  // Any thread; a hint.
  std::uint32_t busy() const noexcept {
    return active(word_.load(std::memory_order_relaxed)); // only a number
  }

private:
  static constexpr std::uint64_t one_active = 1;
  static constexpr std::uint64_t one_searching = std::uint64_t(1) << 32;
  static std::uint32_t active(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
  }
  static std::uint32_t searching(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 32);
  }

  const std::uint32_t limit_;
  alignas(64) typename Sync::template atomic<std::uint64_t> word_{0};
};

using idle_workers = basic_idle_workers<std_sync>;

} // namespace weir::detail
