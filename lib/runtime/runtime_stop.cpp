// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/abandoning.hpp>

#include "group/group_core.hpp"
#include "runtime_core.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <new>
#include <unordered_set>
#include <utility>

// runtime::stop(), which is also the last part of the destructor:
// docs/design/end-of-a-runtime.md. In one file, as the stages share a lock and
// follow each other.

namespace weir::detail {

void runtime_core::stop() noexcept {
  begin_end();
  // Not where the end could wait for this very thread.
  if (!is_own_thread() && !is_abandoning())
    (void)finish_end();
}

// Under lock_.
void runtime_core::set_stage(stage s) noexcept {
  // release: pairs with stage_now().
  stage_.store(s, std::memory_order_release);
  changed_.notify_all();
}

// Any thread. First part: every task is told. One that runs parks when it next
// awaits; one that waits has that wait ended, in the way in which it is
// cancelled, and parks then.
void runtime_core::begin_end() noexcept {
  strand_item* marked = nullptr;
  group_core* groups = nullptr;
  {
    std::lock_guard held(lock_);
    // release: pairs with is_stopped().
    if (stopped_.exchange(true, std::memory_order_release))
      return;
    set_stage(stage::telling);
    roots_.for_each([&](task_core& root) { root.add_end_mark(marked); });
    for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next) {
      g->add_ref();
      g->end_next = groups;
      groups = g;
    }
  }
  task_core::submit_end_marks(marked);
  for (group_core* g = groups; g != nullptr; g = g->end_next)
    g->tell_end();
  // Only then, as a task that hears of a cancellation first is resumed with it.
  // Refuses those that wait to start a child.
  while (groups != nullptr) {
    group_core* const group = std::exchange(groups, groups->end_next);
    group->cancel(group_state::cause::outside, {});
    group->release();
  }
  std::lock_guard held(lock_);
  set_stage(stage::parking);
  look_whether_all_are_parked();
  if (stage_now() == stage::parking)
    arm_stall_timer();
}

void runtime_core::park(task_core& task) noexcept {
  std::lock_guard held(lock_);
  task.set_parked();
  task.held_back_by = 0;
  task.add_ref();
  task.ready_next = parked_;
  parked_ = &task;
  ++parked_count_;
  count_parked_or_ended();
}

void runtime_core::end_task_counted() noexcept {
  std::lock_guard held(lock_);
  count_parked_or_ended();
}

// Under lock_. No task is added any more, so there will be at least as many of
// these events as there were tasks that were not parked at the last look.
void runtime_core::count_parked_or_ended() noexcept {
  if (stage_now() != stage::parking)
    return;
  if (not_parked_ > 1)
    --not_parked_;
  else
    look_whether_all_are_parked();
}

// Under lock_.
void runtime_core::look_whether_all_are_parked() noexcept {
  std::size_t alive = root_count_;
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next)
    alive += g->children();
  not_parked_ = alive - parked_count_;
  if (not_parked_ == 0)
    begin_unwinding();
}

// A thread of the pool destroys frames until there are none left.
struct runtime_core::unwinder {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  void operator()() const noexcept {
    lock_held held(self->lock_);
    while (self->stage_now() == stage::unwinding)
      if (task_core* const task = self->take_due(nullptr))
        self->end_task(*task, held);
      else
        self->changed_.wait(held, [this] {
          return self->due_ != nullptr || self->stage_now() != stage::unwinding;
        });
  }

  runtime_core* self;
};

// Under lock_. Nobody waits for anything any more.
void runtime_core::begin_unwinding() noexcept {
  for (ready_item* item = parked_; item != nullptr; item = item->ready_next)
    if (task_core* const maker =
            static_cast<task_core*>(item)->owner()->maker();
        maker != nullptr && maker->is_parked())
      ++maker->held_back_by;
  for (ready_item* item = std::exchange(parked_, nullptr); item != nullptr;) {
    auto* const task = static_cast<task_core*>(item);
    item = item->ready_next;
    if (task->held_back_by == 0) {
      task->ready_next = due_;
      due_ = task;
    }
  }
  if (parked_count_ == 0) {
    begin_finishing();
    return;
  }
  set_stage(stage::unwinding);
  for (blocking_wait* w = waits_; w != nullptr; w = w->next)
    w->poke();
  if (driver_ == nullptr)
    for (std::size_t i = 0; i != options_.threads; ++i)
      asio::post(*pool_, unwinder{this});
}

// Under lock_. A child of `preferred` if there is one, else any; or null.
task_core* runtime_core::take_due(const group_core* preferred) noexcept {
  if (preferred != nullptr)
    if (task_core* const child = take_first(
            due_, [&](const task_core& t) { return t.owner() == preferred; }))
      return child;
  return take_first(due_, [](const task_core&) { return true; });
}

// Enters and leaves under lock_; not while the frames are destroyed. Gives the
// reference of the list of parked tasks back.
void runtime_core::destroy_frames(task_core& task, lock_held& held) noexcept {
  held.unlock();
  {
    abandoning_scope scope;
    task.end_parked();
    task.release();
  }
  held.lock();
}

// As destroy_frames().
void runtime_core::end_task(task_core& task, lock_held& held) noexcept {
  task_core* maker = task.owner()->maker();
  if (maker != nullptr)
    maker->add_ref();
  destroy_frames(task, held);
  if (maker != nullptr) {
    if (maker->is_parked() && --maker->held_back_by == 0) {
      maker->ready_next = due_;
      due_ = maker;
    }
    held.unlock();
    maker->release();
    held.lock();
  }
  if (--parked_count_ == 0)
    begin_finishing();
  else
    changed_.notify_all();
}

bool runtime_core::end_one() noexcept {
  lock_held held(lock_);
  task_core* const task =
      stage_now() == stage::unwinding ? take_due(nullptr) : nullptr;
  if (task == nullptr)
    return false;
  end_task(*task, held);
  return true;
}

// Under lock_. The task of `top`, or one that goes before it; or null.
task_core* runtime_core::take_due_below(const task_owner& top) noexcept {
  return take_first(due_, [&](const task_core& task) {
    const task_core* t = &task;
    // While one waits for those that go before it, its owner is there.
    while (t != nullptr && t->is_parked() && t->owner() != &top)
      t = t->owner()->maker();
    return t != nullptr && t->is_parked();
  });
}

// Not any frame: one may own this very thread, and join it. The pool's threads
// do the same work, but each may be in such a frame. So it is enough to look
// from time to time.
void runtime_core::help_to_end(blocking_wait& until,
                               const task_owner& owner) noexcept {
  lock_held held(lock_);
  while (!until.is_done())
    if (task_core* const task = take_due_below(owner))
      end_task(*task, held);
    else
      changed_.wait_for(held, pause, [&] { return until.is_done(); });
}

void runtime_core::end_children_of(group_core& group) noexcept {
  lock_held held(lock_);
  while (!group.is_idle())
    if (end_first_to_go(&group, held)) {
    } else if (task_core* const task = take_due(&group)) {
      end_task(*task, held);
    } else {
      // Its last child may end by itself, and tells nobody here.
      changed_.wait_for(
          held, pause, [&] { return due_ != nullptr || group.is_idle(); });
    }
}

// Under lock_. The frames are gone. The completion handlers of the tasks are in
// the pool's queue.
void runtime_core::begin_finishing() noexcept {
  set_stage(stage::finishing);
  if (driver_ != nullptr)
    set_stage(stage::over);
  else
    asio::post(*pool_, marker{this, nullptr, 1});
}

// A thread that is not the pool's and destroys no frame. False: it gave up.
bool runtime_core::finish_end() noexcept {
  if (driver_ != nullptr) {
    if (!driver_->finish())
      return false;
  } else {
    lock_held held(lock_);
    const auto may_go_on = [this] { return due_ != nullptr || is_over(); };
    while (!is_over())
      if (task_core* const task = take_due(nullptr)) {
        end_task(*task, held);
      } else if (!changed_.wait_for(held, patience, may_go_on)) {
        report_ending();
        changed_.wait(held, may_go_on);
      }
  }
  std::lock_guard held(join_lock_);
  if (std::exchange(are_joined_, true))
    return true;
  pool_->stop();
  pool_->join();
  for (std::thread& each : threads_)
    each.join();
  threads_.clear();
  return true;
}

// Under lock_.
void runtime_core::report_ending() noexcept {
  std::fprintf(stderr,
               "weir: the end of a runtime still waits, after %d s, for:\n",
               static_cast<int>(patience.count()));
  std::unordered_set<const task_core*> parked;
  try {
    for (ready_item* item = parked_; item != nullptr; item = item->ready_next)
      parked.insert(static_cast<task_core*>(item));
  } catch (const std::bad_alloc&) {
    parked.clear(); // Then it prints those that are parked, too.
  }
  const auto report = [&parked](task_core& task) {
    if (parked.contains(&task))
      return;
    const wait_kind* const kind = task.waits_for();
    std::fprintf(stderr,
                 "  task %s, which %s%s\n",
                 task.name == nullptr ? "(unnamed)" : task.name,
                 kind == nullptr ? "runs" : "waits for: ",
                 kind == nullptr ? "" : kind->name);
  };
  roots_.for_each(report);
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next)
    g->for_each_child(report);
}

} // namespace weir::detail
