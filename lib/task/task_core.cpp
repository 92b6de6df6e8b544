// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/promise.hpp>
#include <weir/detail/task/task_core.hpp>

#include "base/thread_context.hpp"
#include "engine.hpp"

#include <cstdio>
#include <exception>
#include <utility>

namespace weir::detail {

task_core* current_task() noexcept { return this_thread().current; }

bool this_task_parks() noexcept {
  const task_core* const task = current_task();
  return task != nullptr && task->parks();
}

bool this_task_parks_on(const runtime_core& runtime) noexcept {
  return this_task_parks() && &current_task()->runtime() == &runtime;
}

void thrown_by_a_destructor() noexcept {
  std::fputs("weir: a destructor threw while the frame of a task that was "
             "stopped was destroyed\n",
             stderr);
  std::terminate();
}

void rethrow(std::exception_ptr& error) {
  std::rethrow_exception(std::exchange(error, nullptr));
}

task_core::task_core(runtime_core& runtime,
                     task_owner& owner,
                     promise_base& root) noexcept
    : cancel_request(request_kind), runtime_(runtime), owner_(&owner),
      leaf_(&root) {
  root.attach(*this);
}

task_core::~task_core() {
  if (strand_item* items = strand_.take()) [[unlikely]]
    run_items(items, strand_item::how::drop);
}

#if !defined(WEIR_SYNC_POLICY)
// A larger task_core would take 16 bytes more of malloc's memory, for each of a
// million tasks.
static_assert(sizeof(void*) != 8 || sizeof(task_core) <= 136);
#endif

void task_core::release() noexcept {
  // release: this holder's accesses happen before the deletion.
  // acquire: the last one deletes what all others wrote.
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    delete this;
}

// --- any thread ---

void task_core::schedule() noexcept { engine::push(runtime_, *this); }

void task_core::schedule_woken() noexcept {
  if (wakes_in_turn_)
    engine::push_in_turn(runtime_, *this);
  else
    schedule();
}

void task_core::launch() noexcept { schedule(); }

void task_core::launch_next() noexcept { engine::push_next(runtime_, *this); }

// Strand held, with a function to run. A task that has ended has no reference
// of its own any more, and the submitter may drop the last one meanwhile.
void task_core::schedule_late() noexcept {
  if (done_) {
    add_ref();
    queue_owns_ = true;
  }
  schedule();
}

void task_core::wake(strand_item& item) noexcept {
  if (strand_.push_or_acquire(item)) {
    item.run(strand_item::how::run);
    schedule_woken(); // Still held: the queue owns the strand now.
  }
}

void task_core::emit(strand_item& item) noexcept {
  if (this_thread().current == this && waiting_ == nullptr) {
    // The task cancels itself, or one of its scopes: its next await must see
    // it. Not while it initiates an operation: the initiation must be complete
    // first.
    item.run(strand_item::how::run);
    return;
  }
  if (!strand_.push_or_acquire(item))
    return; // The holder emits. *this may be destroyed.
  // As if on the strand: what the emission dispatches to it runs inline, as
  // Asio's co_spawn needs. Coroutines are not resumed here.
  task_core*& current = own_thread().current;
  task_core* const before = std::exchange(current, this);
  item.run(strand_item::how::run);
  current = before;
  release_or_hand_over();
}

const wait_kind* task_core::waits_for() noexcept {
  if (!strand_.try_acquire())
    return nullptr;
  const wait_kind* const kind =
      waiting_ != nullptr ? &waiting_->kind() : nullptr;
  release_or_hand_over();
  return kind;
}

void task_core::release_or_hand_over() noexcept {
  if (resuming_ || stopping_ || !strand_.try_release())
    schedule_late();
  // *this may be destroyed.
}

void task_core::post(strand_item& item) noexcept {
  if (engine::is_over(runtime_)) { // No thread would run it.
    item.run(strand_item::how::drop);
    return;
  }
  if (strand_.push_or_acquire(item)) {
    strand_.push_as_holder(item);
    schedule_late();
  }
}

bool task_core::begin_inline() noexcept {
  if (this_thread().current != nullptr || !engine::on_worker_thread(runtime_) ||
      !strand_.try_acquire())
    return false;
  if (parked_) [[unlikely]] { // The caller posts it, and it is dropped.
    release_or_hand_over();
    return false;
  }
  this_thread().current = this;
  return true;
}

void task_core::end_inline() noexcept { run(); }

// --- worker threads, strand held ---

void task_core::run_items(strand_item* oldest, strand_item::how how) noexcept {
  while (oldest != nullptr) {
    strand_item* item = oldest;
    oldest = item->next; // run() may destroy or requeue it.
    item->run(how);
  }
}

void task_core::start() noexcept {
  started_ = true;
  // A cancellation from before the start is in the mailbox, or only known to
  // the owner: a task that was never listed gets no request.
  if (strand_item* items = strand_.take()) [[unlikely]]
    run_items(items, strand_item::how::run);
  if (interrupted_ || owner_->is_cancelled()) {
    if (engine::is_stopped(runtime_)) {
      parks_ = true;
      stopping_ = true;
      return;
    }
    destroy_root();
    end_root(task_end::stopped);
  } else {
    resume_leaf();
  }
}

// For a queue entry that was more than a wake-up. True: it had a reference,
// which the caller owns now.
bool task_core::begin_turn() noexcept {
  if (!started_) {
    start();
  } else if (yielding_) {
    // What was submitted meanwhile comes first: a cancellation ends the wait.
    if (strand_item* items = strand_.take()) [[unlikely]]
      run_items(items, strand_item::how::run);
    if (yielding_) {
      waiting_ = nullptr;
      yielding_ = false;
      go_on();
    }
  }
  const bool queue_owned = queue_owns_;
  queue_owns_ = false;
  return queue_owned;
}

void task_core::run() noexcept {
  this_thread().current = this;
  bool owns_reference = false;
  if (!started_ || yielding_ || queue_owns_)
    owns_reference = begin_turn();
  else if (is_alerted()) [[unlikely]]
    look_before_resuming();
  for (;;) {
    if (resuming_) {
      resuming_ = false;
      leaf_->handle().resume();
      continue;
    }
    if (stopping_ || ended_) {
      if (stopping_) {
        stopping_ = false;
        if (parks_) [[unlikely]] {
          this_thread().current = nullptr;
          engine::park(runtime_,
                       *this); // The strand stays held. *this may be destroyed.
          return;
        }
        unwind(true);
        continue;
      }
      if (!done_) {
        finish();
        owns_reference = true; // the task's own
        // acquire: a thread that dropped its reference does not use the task
        // any more. No thread can add one: the owner has removed the task from
        // its lists.
        if (refs_.load(std::memory_order_acquire) == 1) {
          this_thread().current = nullptr;
          delete this;
          return;
        }
        continue;
      }
    }
    if (strand_item* items = strand_.take()) [[unlikely]] {
      run_items(items,
                parked_ ? strand_item::how::drop : strand_item::how::run);
      continue;
    }
    if (yielding_) {
      this_thread().current = nullptr;
      // The strand stays held.
      if (yields_to_new_)
        engine::push_below(runtime_, *this);
      else
        engine::push_again(runtime_, *this);
      return;
    }
    if (strand_.try_release())
      break; // *this may be destroyed, unless it finished here.
  }
  this_thread().current = nullptr;
  if (owns_reference)
    release();
}

// Its wait has ended, but the runtime was stopped before its turn came.
void task_core::look_before_resuming() noexcept {
  look();
  if (parks_ && resuming_) {
    resuming_ = false;
    stopping_ = true;
  }
}

void task_core::finish() noexcept {
  done_ = true;
  if (abandoning_ && end_ == task_end::threw)
    (void)leaf_->take_error(); // no code uses it
  owner_->on_end(*this, abandoning_ ? task_end::abandoned : end_);
  // *owner_ may be destroyed.
}

void task_core::destroy_root() noexcept {
  if (leaf_ != nullptr)
    std::exchange(leaf_, nullptr)->handle().destroy();
}

void task_core::unwind(bool intercepted) noexcept {
  resuming_ = false;
  if (!intercepted)
    scope_ = nullptr; // They are in the frames.
  // What an operation left in the slot may refer to this very task.
  signal_.slot().clear();
  for (;;) {
    task_awaiter_base* const awaiter = leaf_->awaiter();
    leaf_->destroy();
    waiting_ = nullptr; // It was in the first frame.
    if (awaiter == nullptr) {
      leaf_ = nullptr;
      scope_ = nullptr; // They were in the frames.
      end_root(task_end::stopped);
      return;
    }
    awaiter->child = nullptr;
    leaf_ = awaiter->parent;
    if (awaiter->intercepts && intercepted) {
      go_on();
      return;
    }
  }
}

void task_core::drop_items() noexcept {
  while (strand_item* items = strand_.take())
    run_items(items, strand_item::how::drop);
}

void task_core::end_parked() noexcept {
  task_core* const before = std::exchange(this_thread().current, this);
  // Scopes are destroyed with the frames, so items that refer to scopes are
  // dropped first.
  drop_items();
  abandoning_ = true;
  started_ = true;
  if (leaf_ != nullptr)
    unwind(false);
  finish();
  this_thread().current = before;
  // Releases the strand: items submitted from now on may refer to this very
  // task, and run() drops them.
  while (!strand_.try_release())
    drop_items();
  release();
}

void task_core::drop_queued() noexcept {
  drop_items();
  const bool queue_owned = queue_owns_;
  queue_owns_ = false;
  if (queue_owned)
    release();
}

// --- on the strand ---

void task_core::become_known() noexcept {
  unknown_to_owner_ = false;
  if (owner_->on_first_await(*this)) {
    types_ |= terminal;
    refresh_interrupted();
  }
  // Checked after the task is listed: the thread that marks the tasks at the
  // end has either found this one in the list, or has set the flag before it
  // walks the list.
  if (engine::is_stopped(runtime_))
    parks_ = interrupted_ = true;
}

// A child that is to be resumed waits, too: run() tests yielding_ only when
// resuming_ is false.
void task_core::give_way() noexcept {
  ready_awaits_left_ = ready_awaits_in_a_row;
  resuming_ = false;
  yield();
}

void task_core::finish_or_stop(bool ended_by_cancel) noexcept {
  if (parks_ || (ended_by_cancel && must_unwind()))
    stopping_ = true;
  else
    resume_leaf();
}

void task_core::abandon_wait() noexcept {
  waiting_ = nullptr;
  abandoning_ = true;
  stopping_ = true;
}

} // namespace weir::detail
