// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>

#include "base/handler_memory.hpp"
#include "idle_workers.hpp"
#include "pool_timer.hpp"
#include "refill_source.hpp"
#include "run_queue.hpp"
#include "shared_queue.hpp"
#include "surplus_stack.hpp"
#include "work_deque.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir::detail {

class scheduler;

// What one pool thread runs from.
struct worker {
  scheduler* owner = nullptr;
  std::size_t index = 0;
  // Inside drain(), which looks at the queues again. Written by its thread.
  sync::atomic<bool> draining{false};
  // Only by its thread:
  bool is_shared_next = false; // which queue next_in_turn() begins with
  std::uint32_t turns;         // until next_in_turn()
  std::uint32_t crowd;         // see ready_crowd()
  // Tasks that the running task has made ready in this turn.
  std::uint32_t made_ready = 0;
  // When the oldest task of the deque last had a turn.
  std::chrono::steady_clock::time_point slice;
  // Whether the others had work at a look of the last search, or had run some.
  bool saw_work = false;
  struct look {
    std::uint32_t taken = 0;  // of the queue
    std::uint32_t oldest = 0; // of the deque
  };
  std::vector<look> looked; // at each victim, the last time

  // Runs before all others, see push_next(); or null.
  ready_item* next = nullptr;
  // What its tasks have made ready: newest first.
  work_deque deque;
  // What else is ready for it, as a timer or Asio made it so, or because it
  // yielded: first in, first out.
  run_queue queue;
};

// Which ready task runs next, and on which thread: a deque and a queue for each
// worker, one shared queue for other threads, one stack for what full deques
// give up, and at most one drain handler for each thread in the
// asio::thread_pool, which runs tasks from them.
//
// A worker runs what its tasks have made ready newest first: a child before the
// siblings of its parent, so that a tree of tasks takes memory for its depth.
// Other workers take the oldest. Once in a number of turns the queues come
// first, and once in a number of milliseconds the oldest task of the deque.
//
// A drain handler runs a bounded batch and goes to the back of the pool's
// queue, so that the reactor and other handlers get their turn. When there is
// nothing to run, no handler is active, and an idle runtime uses no processor
// time.
class scheduler final {
public:
  // Workers that have nothing to run call `more`.
  scheduler(asio::thread_pool& pool,
            std::size_t threads,
            refill_source& more,
            handler_memory& memory);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // Any thread. Queues `item`, whose strand its queue entry holds from now on,
  // and makes some worker run it.
  void push(ready_item& item) noexcept;
  // The same; a worker puts it behind what is ready.
  void push_in_turn(ready_item& item) noexcept;
  // The same; a worker runs it next, when the task that it runs has suspended,
  // which that task is about to do. Until then no other worker can take it. If
  // the worker's batch ends there, it is the newest of the deque.
  void push_next(ready_item& item) noexcept;
  // The same for the task that the calling worker runs and that yields. Wakes
  // no worker: there is no more to run than before the worker took the task.
  void push_again(ready_item& item) noexcept;
  // The same for a task that first lets those run which it has just made ready.
  void push_below(ready_item& item) noexcept;
  // Makes the calling thread the worker `index`. It is a thread of the runtime,
  // which ends before *this does.
  void bind(std::size_t index) noexcept;
  // False also on a foreign thread that has attached itself to the pool.
  bool on_worker_thread() noexcept;

  // The calling worker's number; 0 on any other thread.
  static std::size_t this_worker_index() noexcept;

  // Call when no thread runs any more: destroys the asio timer before the pool
  // is destroyed.
  void close() noexcept { watch_timer_.reset(); }
  // Call when no thread of the pool runs any more. Returns a queued item, or
  // null.
  ready_item* take_left() noexcept;
  // Call when no task is left that could be pushed. Waits until no thread that
  // pushed one from outside of the pool uses *this any more.
  void await_outside() const noexcept;

  // --- a deterministic runtime's driver: the calling thread is the worker ---

  // From enter_driver() to leave_driver().
  void enter_driver() noexcept;
  void leave_driver() noexcept;
  // The next ready task, which the driver owns then; null if there is none.
  ready_item* take() noexcept { return next(workers_.front()); }
  // Whether a task that continues to make others ready lets them run first.
  void driver_yields(bool yields) noexcept;

  std::size_t busy() const noexcept { return idle_.busy(); }

private:
  struct drain_handler;
  struct watch_end;
  struct draining_mark;

  [[gnu::noinline]] void push_from_outside(ready_item& item) noexcept;
  [[gnu::noinline]] void push_over(run_queue& full, ready_item& item) noexcept;
  [[gnu::noinline]] void push_over(work_deque& full, ready_item& item) noexcept;
  void put_surplus(surplus_stack::end at, ready_item& chain) noexcept;
  static ready_item* take_surplus(worker& self, ready_item* chain) noexcept;
  [[gnu::noinline]] ready_item* take_oldest(worker& self) noexcept;
  ready_item* take_shared(worker& self) noexcept;
  ready_item* next(worker& self) noexcept;
  [[gnu::noinline]] ready_item* next_shared(worker& self) noexcept;
  [[gnu::noinline]] ready_item* next_in_turn(worker& self) noexcept;
  bool is_alone() const noexcept { return workers_.size() == 1; }
  ready_item* find(worker& self, bool& searching) noexcept;
  ready_item* search(worker& self) noexcept;
  bool leave(bool may_nap) noexcept;
  void begin_watch(bool is_nap) noexcept;
  void end_watch() noexcept;
  ready_item* steal(worker& self, std::uint32_t patience) noexcept;
  bool has_work() const noexcept;
  bool has_stranded_work() const noexcept;
  void notify() noexcept;
  void notify_from(const worker& self) noexcept;
  void post_drain() noexcept;
  void drain(bool searching) noexcept;

  asio::thread_pool& pool_;
  refill_source& more_;
  handler_memory& memory_;
  std::vector<worker> workers_;
  // By the worker that has begun to watch. Empty if there is one worker.
  std::optional<pool_timer> watch_timer_;
  sync::atomic<std::uint32_t> naps_in_a_row_{0};
  idle_workers idle_;
  shared_queue shared_;
  surplus_stack surplus_;
  // Threads in push_from_outside(). Next to the queue, which they write too.
  sync::atomic<std::uint32_t> outside_{0};
};

} // namespace weir::detail
