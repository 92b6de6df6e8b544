// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/root_task.hpp>
#include <weir/detail/sync.hpp>
#include <weir/detail/task_core.hpp>
#include <weir/runtime.hpp>

#include "driver.hpp"
#include "handler_memory.hpp"
#include "scheduler.hpp"
#include "task_list.hpp"
#include "timer_service.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace weir::detail {

class group_core;

// Links of the runtime's list of groups; guarded by its lock.
struct group_links {
  group_core* prev = nullptr;
  group_core* next = nullptr;
};

// What a runtime is made of. The members outlive the pool: what the pool's
// destructor destroys may still submit to them, and is dropped.
class runtime_core final {
public:
  explicit runtime_core(const runtime_options& options);
  // A deterministic runtime's.
  explicit runtime_core(const testing::deterministic_options& options);
  runtime_core(const runtime_core&) = delete;
  runtime_core& operator=(const runtime_core&) = delete;
  ~runtime_core();

  // --- any thread ---------------------------------------------------------

  asio::thread_pool& pool() noexcept { return *pool_; }
  scheduler& ready() noexcept { return ready_; }
  timer_service& timers() noexcept { return timers_; }

  bool is_stopped() const noexcept {
    // acquire: pairs with the stop.
    return stopped_.load(std::memory_order_acquire);
  }
  bool is_own_thread() noexcept {
    return driver_ != nullptr ? driver_->is_here()
                              : pool_->get_executor().running_in_this_thread();
  }
  // What runs instead of threads; null on any but a deterministic runtime.
  driver* driven_by() const noexcept { return driver_.get(); }

  // Lists `core` as a root. False: stopped, or being destroyed.
  bool add_root(task_core& core) noexcept;
  void remove_root(task_core& core) noexcept;
  void add_group(group_core& group) noexcept;
  void remove_group(group_core& group) noexcept;
  // A group's last child has ended.
  void group_is_idle() noexcept;

  void add_wait(blocking_wait& wait) noexcept;
  void remove_wait(blocking_wait& wait) noexcept;

  // An offloaded function began, which ends on another thread; or it has.
  void outside_began() noexcept {
    if (driver_ != nullptr)
      driver_->outside_began();
  }
  void outside_ended() noexcept {
    if (driver_ != nullptr)
      driver_->outside_ended();
  }

  void unhandled(const std::exception_ptr& error, const char* name) noexcept;

  // runtime::stop().
  void stop() noexcept;
  // Any thread but the pool's: waits for the threads and destroys what they
  // left.
  void finish_stop() noexcept;

  runtime_stats stats() noexcept;

  // The newest first, under the lock.
  template <typename F>
  void for_each_root(F f) {
    std::lock_guard held(lock_);
    roots_.for_each(f);
  }
  template <typename F>
  void for_each_group(F f);
  // No root task is left, and no group has anything in flight.
  bool is_at_rest() noexcept {
    std::lock_guard held(lock_);
    return is_idle();
  }
  void cancel_all() noexcept;

private:
  void start_threads();
  void shut_down() noexcept;
  struct marker;
  void report_waiting() noexcept;
  void abandon_all() noexcept;
  bool is_idle() noexcept; // under lock_

  const runtime_options options_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> closing_{false};

  sync::mutex lock_;
  sync::condition_variable changed_;
  task_list roots_;                // under lock_
  std::size_t root_count_ = 0;     // under lock_
  group_core* groups_ = nullptr;   // under lock_, by group_core::runtime_links
  std::size_t group_count_ = 0;    // under lock_
  blocking_wait* waits_ = nullptr; // under lock_

  sync::mutex stop_lock_;      // held while a thread finishes the stop
  bool stop_finished_ = false; // under stop_lock_

  handler_memory memory_; // of the engine's handlers
  std::optional<asio::thread_pool> pool_;
  std::vector<std::thread> threads_; // attached to it, if several
  scheduler ready_;
  timer_service timers_;
  const std::unique_ptr<driver> driver_;
};

} // namespace weir::detail
