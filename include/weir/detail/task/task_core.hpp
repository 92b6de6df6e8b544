// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/ref.hpp>
#include <weir/detail/base/sync.hpp>

#include "cancel_request.hpp"
#include "strand.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace weir::detail {

class cancel_scope;
class promise_base;
class limiter_core;
class runtime_core;
class task_core;

// How a task's root coroutine ended.
enum class task_end : std::uint8_t {
  returned,
  threw,
  stopped,   // cancelled under on_cancel::unwind: frames destroyed
  abandoned, // frames destroyed without the task having ended
};

class interruptible;

// A kind of wait: a constant for each type of what is awaited.
struct wait_kind : strand_item_kind {         // run: the wait ends
  void (*interrupt)(interruptible&) noexcept; // by a cancellation
  const char* name;                           // for reports: "waits for NAME"
  bool ends_outside = false;                  // by something weir does not run
};

// What a suspended task waits for. Queued on its strand to end the wait.
class interruptible : public strand_item {
public:
  explicit interruptible(const wait_kind& k) noexcept : strand_item(k) {}

  const wait_kind& kind() const noexcept {
    return static_cast<const wait_kind&>(*of_kind);
  }
};

// The object that started a task and receives its end.
class WEIR_API task_owner {
public:
  // On the strand, when the task awaits for the first time. True: the task is
  // already cancelled.
  virtual bool on_first_await(task_core& core) noexcept = 0;
  // On the strand. A task that has not started when it is true never does.
  virtual bool is_cancelled() const noexcept = 0;
  // On the strand. Takes the result from core.root(), calls
  // core.destroy_root() and only then counts the task as ended.
  virtual void on_end(task_core& core, task_end end) noexcept = 0;
  // Any thread. True if the owner is a group created inside a shield.
  virtual bool is_shielded() const noexcept { return false; }
  // The task whose frames hold what this owner belongs to, such as its
  // task_group, as far as is known. At the end of the runtime that task is
  // destroyed after the owner's tasks. Null if none.
  virtual task_core* maker() const noexcept { return nullptr; }
  // On the strand: the reason for which the owner cancelled the task.
  virtual boost::system::error_code cancel_reason() const noexcept;
  // The limiter that task_core::permits come from; null if there is none.
  virtual const limiter_core* limiter() const noexcept { return nullptr; }

protected:
  ~task_owner() = default;
};

// Links of the list its owner keeps a task in; guarded by the owner's lock.
struct task_links {
  task_core* prev = nullptr;
  task_core* next = nullptr;
};

// What the scheduler queues. In the shared queue items stand in short chains,
// so that a worker takes one without walking along it.
struct ready_item {
  ready_item* ready_next = nullptr; // in the chain, or in runtime_end's lists
  union {
    // In the first of a chain: the next chain; in a surplus_stack in the
    // second, too.
    ready_item* chain_next = nullptr;
    // Of a parked task, at the end of the runtime: the number of tasks that
    // must be destroyed before this one.
    std::size_t held_back_by;
  };
};

// The control block of a task: its strand, its cancellation state and the
// coroutine that runs, or continues when its wait ends. Shared by the task
// itself, executors handed out, and cancellations on their way.
//
// There may be a million, so every byte counts: see the order of the members.
// Those without a thread note belong to the holder of the strand.
class task_core final : public cached<task_core>,
                        public ready_item,
                        private cancel_request {
public:
  // One reference, owned by the task: dropped when it has ended.
  task_core(runtime_core& runtime,
            task_owner& owner,
            promise_base& root) noexcept;
  task_core(const task_core&) = delete;
  task_core& operator=(const task_core&) = delete;

  // --- any thread ---------------------------------------------------------

  // relaxed: the caller already owns a reference.
  void add_ref() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  WEIR_API void release() noexcept;

  runtime_core& runtime() const noexcept { return runtime_; }

  // Runs `item`, which is a resumption: it only sets what to resume, so it runs
  // at once if the strand is free, and the task goes to the ready queue.
  WEIR_API void wake(strand_item& item) noexcept;
  // The same for what the task waits for. Call once, by the party that
  // completes the wait. The wait cannot be replaced before that.
  void end_wait() noexcept { wake(*waiting_); }
  // Runs `item`, an emission, on this thread if the strand is free.
  void emit(strand_item& item) noexcept;
  // Runs `item`, foreign code, on a pool thread, never inside this call.
  WEIR_API void post(strand_item& item) noexcept;
  // Runs `item` here if this is a pool thread running no task, else posts it.
  void dispatch(strand_item& item) noexcept;
  // True: this thread holds the strand now and runs no other task; call
  // end_inline() afterwards. Saves dispatch() the allocation of an item.
  WEIR_API bool begin_inline() noexcept;
  WEIR_API void end_inline() noexcept;

  // What the task waits for; null if a thread runs it, or is about to. For
  // reports.
  const wait_kind* waits_for() noexcept;

  // request() on it cancels the whole task.
  cancel_request& whole() noexcept { return *this; }

  // First start: hands the task, whose strand is born held, to the scheduler.
  void launch() noexcept;
  // The same: on the worker that calls it, when the task that it runs suspends,
  // which that task is about to do.
  void launch_next() noexcept;

  // --- worker threads, strand held ------------------------------------------

  // Resumes coroutines and runs items until nothing is left. May destroy *this.
  void run() noexcept;

  // --- the end of the runtime -----------------------------------------------

  // Any thread; the caller holds the lock of a list that the task is in. Marks
  // the task, see cancel_request::mark_end(), and adds it to the chain of those
  // to be submitted, with a reference.
  void add_end_mark(strand_item*& chain) noexcept {
    if (!mark_end())
      return;
    add_ref();
    next = chain;
    chain = this;
  }
  // No lock held.
  static void submit_end_marks(strand_item* chain) noexcept;

  // Any thread, once, of a parked task. Its strand is still held: the caller
  // takes over. Destroys the frames, innermost first, and reports
  // task_end::abandoned. May destroy *this.
  void end_parked() noexcept;
  // For a task still in the ready queue when the last pool thread has ended:
  // drops functions that were posted to the task after its end.
  void drop_queued() noexcept;
  // Strand held. Drops the functions that wait for it.
  void drop_items() noexcept;

  // --- on the strand --------------------------------------------------------

  enum class verdict : std::uint8_t { go, aborted, stopping };

  // Every await begins with this or with must_abort(), also one that is ready:
  // a cancellation that was requested before ends it.
  //
  // Registers that the running coroutine is about to suspend. go: suspend;
  // `wait` is called at most once if a cancellation arrives. aborted: do not
  // suspend, throw operation_aborted. stopping: suspend, the frame is unwound.
  // With `check` false it is always go, and started_wait() interrupts.
  verdict begin_wait(interruptible& wait, bool check = true) noexcept {
    if (has_to_look()) [[unlikely]]
      if (const verdict v = look(check); v != verdict::go)
        return v;
    wait_for(wait);
    return verdict::go;
  }
  // begin_wait() in two halves; the first only if the task has_to_look().
  WEIR_API [[gnu::noinline]] verdict look(bool check) noexcept;
  void wait_for(interruptible& wait) noexcept {
    interrupted_with_ = 0;
    wakes_in_turn_ = false;
    waiting_ = &wait;
  }
  // After begin_wait() and once what is awaited is started: interrupts it if
  // the task is cancelled with throw_if_cancelled(false).
  void started_wait() noexcept {
    if (interrupted_) [[unlikely]]
      interrupt();
  }
  // The end of this wait puts the task behind what is ready, not before it.
  void wake_in_turn() noexcept { wakes_in_turn_ = true; }
  // Withdraws the wait, without a resumption.
  void cancel_wait() noexcept { waiting_ = nullptr; }
  // Ends the wait: the run loop resumes the coroutine, or unwinds it when the
  // wait was `ended_by_cancel` under on_cancel::unwind.
  void finish_wait(bool ended_by_cancel) noexcept {
    waiting_ = nullptr;
    yielding_ = false;
    ready_awaits_left_ = ready_awaits_in_a_row;
    if (unwinds_ | parks_) [[unlikely]]
      finish_or_stop(ended_by_cancel);
    else
      resume_leaf();
  }
  // The operation dropped its handler: the frames are destroyed.
  void abandon_wait() noexcept;

  // True if an await that does not suspend must abort. Call only if
  // has_to_look(): otherwise it would be false.
  WEIR_API [[gnu::noinline]] bool must_abort() noexcept;
  // True if a cancellation may have been requested since the last look, or an
  // earlier one is not hidden, or this is the first await.
  bool has_to_look() const noexcept {
    return (interrupted_ | unknown_to_owner_) || is_alerted();
  }
  // Whether an await that has ended by a cancellation unwinds the task; also if
  // the request that ended the operation is not yet delivered to the task.
  bool must_unwind() const noexcept {
    return unwinds_ && cancelled() != asio::cancellation_type::none;
  }
  // Begins to unwind the running coroutine, which suspends and is not resumed.
  void stop() noexcept { stopping_ = true; }
  // Lets the other ready tasks run first. The running coroutine suspends.
  void yield() noexcept {
    yielding_ = true;
    yields_to_new_ = false;
  }
  // The same, only for those that the running coroutine has made ready.
  void yield_to_new() noexcept { yielding_ = yields_to_new_ = true; }
  // The same after an await that was ready at once, if the task has had
  // ready_awaits_in_a_row of them since it last waited. True: suspend.
  [[nodiscard, gnu::always_inline]] bool gives_way() noexcept {
    if (--ready_awaits_left_ != 0) [[likely]]
      return false;
    give_way();
    return true;
  }

  // The running coroutine suspends, and the run loop resumes that of `callee`.
  void resume_next(promise_base& callee) noexcept {
    leaf_ = &callee;
    resuming_ = true;
  }
  void end_root(task_end end) noexcept {
    end_ = end;
    ended_ = true;
  }

  // The root coroutine of a task that has not started or has ended, until that
  // coroutine is destroyed.
  promise_base* root() const noexcept { return leaf_; }
  void destroy_root() noexcept;
  bool is_known_to_owner() const noexcept { return !unknown_to_owner_; }
  bool is_abandoned() const noexcept { return abandoning_; }
  // True: the runtime ends, and the task is not resumed, however its wait ends.
  bool parks() const noexcept { return parks_; }
  // True: the task is not resumed any more, and ready_next links parked tasks.
  bool is_parked() const noexcept { return parked_; }
  void set_parked() noexcept { parked_ = true; }

  asio::cancellation_signal& signal() noexcept { return signal_; }

  // The cancellation vocabulary of a task, as in asio::this_coro. A task counts
  // as cancelled as soon as its cancellation is requested, or its group is
  // cancelled, or the group whose body it runs: even before the request is
  // delivered.
  WEIR_API asio::cancellation_type cancelled() const noexcept;
  // True if the task, or the group that it is a child of, is inside a shield.
  bool is_shielded() const noexcept;
  // The reason for its cancellation; empty if it is not cancelled.
  boost::system::error_code cancel_reason() const noexcept;
  // The types to emit to an operation's slot.
  asio::cancellation_type emission() const noexcept;
  bool throws_if_cancelled() const noexcept { return throws_; }
  void throw_if_cancelled(bool value) noexcept { throws_ = value; }
  WEIR_API void set_filters(asio::cancellation_type in,
                            asio::cancellation_type out) noexcept;

  bool unwinds() const noexcept { return unwinds_; }
  void unwinds(bool value) noexcept { unwinds_ = value; }

  // --- the owner's ----------------------------------------------------------

  // Set before launch().
  task_owner* owner() const noexcept { return owner_; }
  // Guarded by the owner's lock. True while the task's spawn() waits for the
  // slot that it lent.
  bool lends = false;

private:
  // Awaits that may be ready at once before the task lets others run: a loop
  // of such awaits must not keep a worker from timers, posts and other tasks.
  // Source: tokio's cooperative budget.
  static constexpr std::uint8_t ready_awaits_in_a_row = 128;
  // How many are left. Declared here to use the padding of the bases.
  std::uint8_t ready_awaits_left_ = ready_awaits_in_a_row;
  sync::atomic<std::uint32_t> refs_{1};

public:
  const char* name = nullptr;
  union {
    std::uint64_t index = 0; // of a group's child
    // Of a root: the task that started it, to be compared only; null if none
    // did. Kept here because the owner is destroyed before the root leaves the
    // runtime's list.
    const task_core* root_maker;
  };
  // Guarded by the owner's lock.
  task_links links;
  // Permits this task holds from its owner's limiter. Unset if none. Guarded by
  // the lock of the group that lends them. Atomic because two groups may lend
  // them concurrently.
  std::uint32_t permits;
  std::uint32_t permits_held() const noexcept {
    // relaxed: only a number. atomic_ref takes no const.
    return std::atomic_ref(const_cast<std::uint32_t&>(permits))
        .load(std::memory_order_relaxed);
  }
  void add_permits(std::uint32_t n) noexcept {
    // relaxed: only a number.
    std::atomic_ref(permits).fetch_add(n, std::memory_order_relaxed);
  }
  std::uint32_t take_permits() noexcept {
    // relaxed: only a number.
    return std::atomic_ref(permits).exchange(0, std::memory_order_relaxed);
  }
  // Which of the owner's lists the task is in; counted from 1. On the strand.
  std::uint8_t listed_in : 3 = 0;

private:
  friend class cancel_request;
  friend class cancel_scope;

  ~task_core();

  static constexpr auto terminal =
      static_cast<std::uint8_t>(asio::cancellation_type::terminal);
  static const strand_item_kind request_kind;

  void look() noexcept;
  WEIR_API [[gnu::noinline]] void give_way() noexcept;
  WEIR_API [[gnu::noinline]] void finish_or_stop(bool ended_by_cancel) noexcept;
  // Resumes after a suspension that is not a wait: for a turn or for a request.
  void go_on() noexcept {
    if (parks_) [[unlikely]]
      stopping_ = true;
    else
      resume_leaf();
  }
  void become_known() noexcept;
  static void deliver_request(strand_item& item, strand_item::how how) noexcept;
  void deliver(bool ends) noexcept;
  void refresh_interrupted() noexcept;
  WEIR_API void interrupt() noexcept;
  bool begin_turn() noexcept;
  void look_before_resuming() noexcept;
  void start() noexcept;
  void resume_leaf() noexcept { resuming_ = true; }
  void schedule() noexcept;
  void schedule_woken() noexcept;
  void schedule_late() noexcept;
  void unwind(bool intercepted) noexcept;
  std::uint8_t requested() const noexcept;
  std::uint8_t requested(bool& is_shielded) const noexcept;
  void finish() noexcept;
  void release_or_hand_over() noexcept;
  [[gnu::noinline]] static void run_items(strand_item* oldest,
                                          strand_item::how how) noexcept;

  // Bits, as only the strand writes these and listed_in. The types are those of
  // asio::cancellation_type.
  std::uint8_t interrupted_with_ : 3 = 0; // types emitted to this wait
  task_end end_ : 2 = task_end::abandoned;
  std::uint8_t in_filter_ : 3 = terminal;
  std::uint8_t out_filter_ : 3 = terminal;
  // First what awaiting looks at, then what run() does: a byte each, so that
  // several are tested at once.
  bool : 0;
  bool interrupted_ : 1 = false;     // an open scope, up to the next shield, is
                                     // cancelled and the filter lets it through
  bool unknown_to_owner_ : 1 = true; // until the first await
  bool throws_ : 1 = true;
  bool unwinds_ : 1 = false;
  bool abandoning_ : 1 = false; // whatever the frames do, the end is abandoned
  bool parks_ : 1 = false;      // see parks()
  bool parked_ : 1 = false;     // see is_parked()
  bool wakes_in_turn_ : 1 = false;
  bool : 0;
  bool resuming_ : 1 = false; // leaf_ continues
  bool started_ : 1 = false;
  bool yielding_ : 1 = false;
  bool queue_owns_ : 1 = false; // the ready queue's entry has a reference
  bool stopping_ : 1 = false;   // unwind from leaf_
  bool ended_ : 1 = false;
  bool done_ : 1 = false; // on_end() was called
  bool yields_to_new_ : 1 = false;

  strand strand_;
  runtime_core& runtime_;
  task_owner* owner_;
  promise_base* leaf_; // runs, or is suspended; null: no frames left
  interruptible* waiting_ = nullptr;
  cancel_scope* scope_ = nullptr; // the innermost; null: none but the task
  asio::cancellation_signal signal_;
};

using task_ref = ref<task_core>;

// The task this thread runs, or emits a cancellation to; null if none.
WEIR_API task_core* current_task() noexcept;

// Whether there are more ready tasks than the processor's cache holds, so that
// the running task should let some of them run before it makes more ready.
enum class crowd : std::uint8_t {
  none,
  of_new, // those that the running task has made ready since it was resumed
  of_old, // others on this worker
};
// `of_many`: what the running task has made ready is one of many. Else only new
// ones count: in a tree of tasks the old ones may wait.
WEIR_API crowd ready_crowd(bool of_many) noexcept;

} // namespace weir::detail
