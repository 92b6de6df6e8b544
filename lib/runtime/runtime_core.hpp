// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/condition_variable.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/root_task.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/task/task_list.hpp>
#include <weir/detail/task/tracked_group.hpp>
#include <weir/runtime.hpp>

#include "base/handler_memory.hpp"
#include "driver.hpp"
#include "group_registry.hpp"
#include "pool_place.hpp"
#include "scheduler.hpp"
#include "timer_service.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::detail {

// A party outside of the runtime's threads that waits for its tasks.
class rest_watch {
public:
  // Under the runtime's lock: the tasks may all have ended, check again.
  virtual void poke() noexcept = 0;

  rest_watch* next = nullptr; // guarded by the runtime's lock

protected:
  ~rest_watch() = default;
};

// What a runtime is made of. The members outlive the pool: what the pool's
// destructor destroys may still submit to them, and is dropped.
//
// Members without a file's name at their section are in runtime_core.cpp.
class runtime_core final {
public:
  explicit runtime_core(const runtime_options& options);
  // Without threads: the driver that `make` creates runs the tasks, and the
  // time begins at `start`.
  using driver_maker = std::function<std::unique_ptr<driver>(runtime_core&)>;
  runtime_core(clock::time_point start, const driver_maker& make);
  runtime_core(const runtime_core&) = delete;
  runtime_core& operator=(const runtime_core&) = delete;
  // Ends it and deletes it.
  static void destroy(runtime_core* core) noexcept;

  // --- any thread ---

  asio::thread_pool& pool() noexcept { return *pool_; }
  scheduler& ready() noexcept { return ready_; }
  timer_service& timers() noexcept { return timers_; }

  // stop() has begun, or the destructor has waited for all tasks.
  bool is_stopped() const noexcept {
    // acquire: pairs with the stop.
    return stopped_.load(std::memory_order_acquire);
  }
  bool is_own_thread() noexcept {
    return driver_ != nullptr ? driver_->is_here()
                              : pool_->get_executor().running_in_this_thread();
  }
  // What runs instead of threads; null if it has threads.
  driver* driven_by() const noexcept { return driver_.get(); }

  // Lists `core` as a root. False: stopped, or being destroyed.
  bool add_root(task_core& core) noexcept;
  void remove_root(task_core& core) noexcept;
  // `is_in_frame`: in a frame of the task that calls this, which outlives it.
  // True: the runtime is stopped.
  [[nodiscard]] bool add_group(tracked_group& group, bool is_in_frame) noexcept;
  void remove_group(tracked_group& group) noexcept;
  // A group's last child has ended.
  void group_is_idle() noexcept;

  void add_wait(blocking_wait& wait) noexcept;
  void remove_wait(blocking_wait& wait) noexcept;

  // An offloaded function, which ends on another thread, has begun; or has
  // ended.
  void outside_began() noexcept {
    if (driver_ != nullptr)
      driver_->outside_began();
  }
  void outside_ended() noexcept {
    if (driver_ != nullptr)
      driver_->outside_ended();
  }

  // Calls poke() of `watch` whenever the last root task ends, and, while the
  // runtime cancels, whenever no task is left.
  void add_watch(rest_watch& watch) noexcept;
  void remove_watch(rest_watch& watch) noexcept;
  // From here on, until as many calls of end_cancelling(), root tasks and
  // groups are cancelled: those that are there, and root tasks that are
  // started.
  void begin_cancelling() noexcept;
  void end_cancelling() noexcept;
  bool is_cancelling() const noexcept {
    // acquire: pairs with begin_cancelling().
    return cancelling_.load(std::memory_order_acquire) != 0;
  }
  bool has_roots() noexcept {
    std::lock_guard held(lock_);
    return !roots_.empty();
  }
  // Prints `first_line` and the names of what is left.
  void report_rest(const char* first_line) noexcept {
    std::lock_guard held(lock_);
    report(first_line);
  }

  void unhandled(const std::exception_ptr& error, const char* name) noexcept;

  // --- the end: runtime_end.cpp ---

  // runtime::stop().
  void stop() noexcept;
  // All tasks are parked: their frames are destroyed.
  bool is_ending() const noexcept { return stage_now() >= stage::unwinding; }
  // All frames are destroyed, and the threads end.
  bool is_over() const noexcept { return stage_now() == stage::over; }
  // On the strand of a task that will not be resumed any more; the strand stays
  // held. The task may be destroyed before the call returns.
  void park(task_core& task) noexcept;
  // After stop(): a task has ended, and is counted as ended.
  void end_task_counted() noexcept;
  // A thread in run(), for the task of `owner`: helps to destroy its frames.
  void help_to_end(blocking_wait& until, const task_owner& owner) noexcept;
  // In the destructor of `group`, on a thread that destroys frames or is the
  // user's.
  void end_children_of(tracked_group& group) noexcept;
  // True: stop() has begun the end on a thread of the pool, and this is not
  // such a thread.
  bool ends_elsewhere() noexcept {
    return is_stopped() && driver_ == nullptr && !is_own_thread();
  }
  // The driver: destroys the frames of one task, if that can be done now.
  bool end_one() noexcept;
  // Destroys frames if the end has stalled; the driver calls it when nothing
  // else can be done. False: no frame was destroyed.
  bool break_stall() noexcept;

  runtime_stats stats() noexcept;

  // The newest first, under a lock.
  template <typename F>
  void for_each_root(F f) {
    std::lock_guard held(lock_);
    roots_.for_each(f);
  }
  template <typename F>
  void for_each_group(F f) {
    groups_.for_each([&](const tracked_group& g) { f(g); });
  }
  // No root task is left, and no group has anything in flight.
  bool is_at_rest() noexcept {
    std::lock_guard held(lock_);
    return is_idle();
  }
  void cancel_all() noexcept;

private:
  ~runtime_core();

  void start_threads();
  bool is_idle() noexcept;      // under lock_
  void poke_watches() noexcept; // under lock_

  // The stages of stop(), in this order.
  enum class stage : std::uint8_t {
    none,
    marking,   // the tasks are marked
    parking,   // until every task is parked or has ended
    unwinding, // their frames are destroyed
    finishing, // completion handlers run
    over,
  };
  using lock_held = std::unique_lock<sync::mutex>;
  // After this time an end that still waits reports what it waits for.
  static constexpr std::chrono::seconds patience{10};
  // Time between two checks of a waiter that is not notified.
  static constexpr std::chrono::milliseconds pause{10};

  stage stage_now() const noexcept {
    // acquire: sees what was done before.
    return stage_.load(std::memory_order_acquire);
  }
  // Passes through the pool's queue, which is first in, first out, and then
  // once more.
  struct marker {
    using allocator_type = handler_allocator<void>;
    allocator_type get_allocator() const noexcept {
      return allocator_type(self->memory_);
    }
    void operator()() const noexcept;

    runtime_core* self;
    bool* reached; // null: it is the last of all
    int turns;
  };
  struct unwinder;
  struct stall_timer : timer_function {
    explicit stall_timer(runtime_core& r) noexcept;
    runtime_core& runtime;
    clock::duration pause;
  };
  void shut_down() noexcept;
  bool end() noexcept;
  bool finish_end() noexcept;
  void begin_end() noexcept;
  // Under lock_:
  void set_stage(stage s) noexcept;
  void count_parked_or_ended() noexcept;
  void look_whether_all_are_parked() noexcept;
  void begin_unwinding() noexcept;
  void begin_finishing() noexcept;
  // The first in `list`, linked by ready_next, that `is`, taken out; or null.
  template <typename Is>
  static task_core* take_first(task_core*& list, Is is) noexcept {
    task_core* before = nullptr;
    for (task_core* t = list; t != nullptr;
         before = t, t = static_cast<task_core*>(t->ready_next)) {
      if (!is(*t))
        continue;
      if (before == nullptr)
        list = static_cast<task_core*>(t->ready_next);
      else
        before->ready_next = t->ready_next;
      return t;
    }
    return nullptr;
  }
  task_core* take_due(const tracked_group* preferred) noexcept;
  task_core* take_due_below(const task_owner& top) noexcept;
  void end_task(task_core& task, lock_held& held) noexcept;
  void destroy_frames(task_core& task, lock_held& held) noexcept;
  void collect_first_to_go();
  bool end_first_to_go(const tracked_group* of, lock_held& held) noexcept;
  void arm_stall_timer() noexcept;
  void report(const char* first_line) noexcept;
  void report_ending() noexcept;

  const runtime_options options_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> closing_{false};

  sync::mutex lock_;
  condition_variable changed_;
  task_list roots_;            // under lock_
  std::size_t root_count_ = 0; // under lock_
  group_registry groups_;
  blocking_wait* waits_ = nullptr; // under lock_
  rest_watch* watches_ = nullptr;  // under lock_
  std::atomic<int> cancelling_{0}; // changed under lock_

  // The end; written under lock_.
  sync::atomic<stage> stage_{stage::none};
  ready_item* parked_ = nullptr;      // by ready_next; each holds a reference
  std::size_t parked_count_ = 0;      // not ended yet
  std::size_t not_parked_ = 0;        // at the last look, less those since then
  task_core* due_ = nullptr;          // frames can be destroyed; by ready_next
  task_core* first_to_go_ = nullptr;  // destroyed while others still wait
  std::size_t first_to_go_count_ = 0; // also counts tasks being destroyed
  stall_timer stall_timer_{*this};
  sync::mutex join_lock_;   // held while a thread joins the pool's
  bool are_joined_ = false; // under join_lock_

  handler_memory memory_; // of the engine's handlers
  pool_place pool_;
  std::vector<std::thread> threads_; // attached to it
  scheduler ready_;
  timer_service timers_;
  const std::unique_ptr<driver> driver_;
};

} // namespace weir::detail
