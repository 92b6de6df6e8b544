// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/await_task.hpp>
#include <weir/detail/task/promise.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/task/task_list.hpp>
#include <weir/detail/task/tracked_group.hpp>

#include <boost/system/error_code.hpp>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>

namespace weir::detail {

// The children of one call of when_all(), race(), for_each() and the like, in
// the frame of the coroutine that awaits them. It is what a group is whose
// children are known before the first starts, or are started by such children,
// and whose parent does nothing until the last has ended: so it needs no cap,
// no waiters but the parent, and no memory of its own. The first error cancels
// the others, unless a derived class decides.
//
// Add the children, then await it once. The members that tracked_group has are
// for any thread; the others are for the parent.
class WEIR_API join_block : public tracked_group, private interruptible {
public:
  join_block(const join_block&) = delete;
  join_block& operator=(const join_block&) = delete;

  // Makes the control block of a child, whose frame is destroyed if there is no
  // memory for it.
  void add(unstarted child);
  // The same, for a child that has not ended: it starts another one, whose
  // index is 0.
  void spawn(unstarted child);

  // Of await_join. start(): true: the parent suspends. finish(): throws the
  // first error, or operation_aborted.
  bool start() noexcept;
  void finish();

protected:
  // Whether a cancellation from outside matters that comes after the block has
  // cancelled the children itself.
  enum class first_cause : bool { is_overridden, counts };
  // In a coroutine of `parent`. `name`: for reports.
  join_block(task_core& parent,
             const char* name,
             first_cause first = first_cause::is_overridden) noexcept;
  ~join_block();
  // First in the destructor of the derived class: other threads may still call
  // its members.
  void close() noexcept;
  // Before the first child: whether they unwind when they are cancelled. Else
  // they do as the parent does.
  void unwinds(bool do_so) noexcept { unwinds_ = do_so; }

  // task_owner
  bool is_cancelled() const noexcept final {
    // acquire: sees the reason.
    return cancelled_.load(std::memory_order_acquire);
  }

  // On the strand of a child that has returned: takes its result from the frame
  // of its root. core.index counts the children from 0.
  virtual void keep(task_core& core) = 0;
  // On the strand of a child that has ended without a result, when its frame is
  // destroyed: with an error, or null if it was stopped. Here: the first error
  // cancels the others and is thrown to the parent.
  virtual void fail(task_core& core, const std::exception_ptr& error) noexcept;
  // When all have ended: whether the results are given to the parent even if a
  // cancellation from outside came. Here: not.
  virtual bool keeps_results() const noexcept { return false; }

  // The caller keeps *this: it holds the strand of the parent, it is a child,
  // or it has a reference. Not `from_outside`: the parent gets a result all the
  // same.
  void cancel(boost::system::error_code reason, bool from_outside) noexcept;
  // A cancellation was the reason: it is one of this block, or the runtime is
  // stopped.
  WEIR_LOCAL bool is_asked_to_end() const noexcept;

private:
  // Parts of pending_, which says for whom the parent still waits: for
  // children, in the low half, and for holders, in the high half. start() is a
  // holder, and so is a thread that is about to cancel the children; and a
  // parent that parks, for ever. The party that leaves last ends the parent's
  // wait.
  static constexpr std::uint64_t one_child = 1;
  static constexpr std::uint64_t one_hold = std::uint64_t(1) << 32;

  WEIR_LOCAL task_core& make_child(unstarted child);
  WEIR_LOCAL void launch() noexcept;
  WEIR_LOCAL void discard() noexcept;
  bool is_aborted_by_outside() const noexcept {
    return broken_off_ && error_ == nullptr && !keeps_results();
  }
  WEIR_LOCAL void cancel_children() noexcept;
  WEIR_LOCAL bool withdraw() noexcept;
  WEIR_LOCAL void leave(std::uint64_t part) noexcept;
  WEIR_LOCAL void record(const std::exception_ptr& error) noexcept;
  WEIR_LOCAL void break_off() noexcept;
  WEIR_LOCAL void unregister() noexcept;

  static void resume(strand_item& item, strand_item::how how) noexcept;
  static void interrupt(interruptible& wait) noexcept;
  static const wait_kind wait;

  // task_owner
  bool on_first_await(task_core& core) noexcept final;
  void on_end(task_core& core, task_end end) noexcept final;
  bool is_shielded() const noexcept final { return shielded_; }
  boost::system::error_code cancel_reason() const noexcept final;

  // tracked_group
  bool try_add_ref() noexcept final;
  void release() noexcept final;
  bool is_idle() const noexcept final { return children() == 0; }
  std::size_t children() const noexcept final;
  void cancel_from_outside() noexcept final;
  void cancel_queued() noexcept final;
  void signal_end() noexcept final;
  group_summary summary() const noexcept final;
  void visit_children(void (*visit)(task_core& child, void* to),
                      void* to) const final;

  task_core& parent_;
  const char* const name_;
  const first_cause cause_;
  ready_item* first_ = nullptr; // not started, by ready_next
  ready_item* last_ = nullptr;
  std::uint32_t count_ = 0; // children added
  bool unwinds_;
  bool aborted_ = false; // cancelled before a child was started
  bool registered_ = false;
  bool shielded_ = false;   // constant once registered
  bool broken_off_ = false; // under lock_: cancelled from outside
  bool is_queued_ = false;  // under lock_: in a thread's pending_cancels
  sync::atomic<bool> cancelled_{false}; // written under lock_
  mutable spin_lock lock_;
  sync::atomic<std::uint64_t> pending_{0};
  boost::system::error_code reason_; // under lock_, constant once cancelled
  std::exception_ptr error_;         // under lock_: the first
  task_list tasks_;                  // under lock_: children that have awaited
};

// Starts the children of a block, and waits until all have ended.
class await_join final : public plain_awaiter<await_join> {
public:
  explicit await_join(join_block& block) noexcept : block_(block) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) noexcept {
    return block_.start();
  }
  void await_resume() { block_.finish(); }

private:
  join_block& block_;
};

} // namespace weir::detail
