// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/sync.hpp>

#include "base/handler_memory.hpp"
#include "pool_timer.hpp"
#include "refill_source.hpp"
#include "timing_wheel.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace weir::detail {

// The runtime's deadlines: timing wheels in steps of 0.25 ms, driven by one
// asio::steady_timer that is armed only while something is pending, and armed
// anew only if it would come too late. Each worker arms in a wheel of its own,
// so that workers do not contend for one lock.
//
// What is due fires in small batches, each followed by the tasks that it made
// ready: those are still in the cache then. The workers share in the firing.
class timer_service final : public refill_source {
public:
  timer_service(asio::thread_pool& pool,
                std::size_t threads,
                handler_memory& memory,
                clock::time_point epoch = std::chrono::steady_clock::now());
  // Without the asio timer: a driver calls next_event() and take_due().
  timer_service(asio::thread_pool& pool,
                clock::time_point start,
                handler_memory& memory);
  timer_service(const timer_service&) = delete;
  timer_service& operator=(const timer_service&) = delete;

  // Any thread; may be called under a group's lock. `entry` fires at
  // `deadline`, never before, on a pool thread with no lock held.
  void arm(timer_entry& entry, clock::time_point deadline) noexcept;
  // Any thread; may be called under a group's lock. True: it will not fire.
  // False: it has fired, or is about to.
  bool disarm(timer_entry& entry) noexcept;

  // Call when no thread runs any more: destroys the asio timer before the pool
  // is destroyed.
  void close() noexcept { timer_.reset(); }

  // A pool thread. Fires a batch if some are known to be due.
  bool refill() noexcept override {
    // relaxed: a hint. The handler that set it fires the rest if need be.
    return overdue_.load(std::memory_order_relaxed) && fire_batch();
  }

  std::size_t pending() const noexcept;

  // --- a deterministic runtime's driver ---

  // When to call take_due() next; time_point::max() if nothing is armed that
  // comes within thirty years.
  clock::time_point next_event() const noexcept;
  // Up to `most` of what is due at `now`, chained by timer_entry::next.
  timer_entry* take_due(clock::time_point now, std::size_t most) noexcept;

private:
  // A wheel and its lock.
  struct alignas(64) wheel_shard {
    spin_lock lock;
    timing_wheel wheel; // under lock
  };

  std::uint64_t tick_after(clock::time_point t) const noexcept;
  std::uint64_t tick_at(clock::time_point t) const noexcept;
  std::uint64_t next_tick() const noexcept;
  void drive() noexcept;
  timer_entry* take_batch() noexcept;
  bool fire_batch() noexcept;
  void fire() noexcept;
  void post_fire() noexcept;
  struct wait_handler;
  struct fire_handler;

  const clock::time_point epoch_;
  asio::thread_pool& pool_;
  handler_memory& memory_;

  mutable std::vector<wheel_shard> shards_;

  // The asio timer has expired, and some of what was due has not fired.
  sync::atomic<bool> overdue_{false};

  // The asio timer is touched under driver_lock_ only, never under a shard's
  // lock: its members lock and allocate.
  sync::mutex driver_lock_;
  std::optional<pool_timer> timer_;
  // The tick timer_ waits for; written under driver_lock_, read as a hint. 0
  // without a timer: nothing comes before that.
  sync::atomic<std::uint64_t> driven_for_{timing_wheel::never};
};

} // namespace weir::detail
