// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/abandoning.hpp>

#include "group_core.hpp"
#include "runtime_core.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>

// How a runtime ends, in order or by stop(): docs/design/end-of-a-runtime.md. In
// one file, as the stages share a lock and follow each other.

namespace weir::detail {

namespace {
constexpr std::chrono::seconds patience{10};
} // namespace

runtime_core::~runtime_core() {
  ready_.await_outside();
  timers_.close();
  // What is destroyed here may submit to the scheduler, which drops it. There
  // may be frames of asio::awaitables in handlers, in any order.
  abandoning_scope scope;
  const auto drop_left = [this] {
    while (ready_item* const item = ready_.take_left())
      static_cast<task_core*>(item)->drop_queued();
  };
  drop_left();
  pool_.reset();
  drop_left();
}

// A deterministic runtime that cannot end is left as it is, with all that is
// suspended on it: to destroy that would touch what it waits for.
void runtime_core::destroy(runtime_core* core) noexcept {
  if (core->end())
    delete core;
}

// False: it gave up.
bool runtime_core::end() noexcept {
  if (!is_stopped())
    shut_down();
  begin_end();
  if (!finish_end())
    return false;
  std::unique_lock held(lock_);
  changed_.wait(held, [this] { return waits_ == nullptr; });
  return true;
}

// --- orderly end
// ----------------------------------------------------------------

// Goes through the pool's queue, and through it once more.
struct runtime_core::marker {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  void operator()() const noexcept {
    if (turns != 0) {
      asio::post(*self->pool_, marker{self, reached, turns - 1});
      return;
    }
    std::lock_guard held(self->lock_);
    if (reached != nullptr) {
      *reached = true;
      self->changed_.notify_all(); // Under the lock, as in remove_root().
    } else {
      self->set_stage(stage::over);
    }
  }

  runtime_core* self;
  bool* reached; // null: it is the last of all
  int turns;
};

// The destroying thread.
void runtime_core::shut_down() noexcept {
  {
    std::lock_guard held(lock_);
    // release: as the looks at the groups are that follow, which is what
    // counts, see group_is_idle().
    closing_.store(true, std::memory_order_release);
  }
  if (driver_ != nullptr) {
    driver_->shut_down();
    return;
  }
  cancel_all();
  {
    std::unique_lock held(lock_);
    const auto idle = [this] { return is_idle() || is_stopped(); };
    if (!changed_.wait_for(held, patience, idle)) {
      report_waiting();
      changed_.wait(held, idle);
    }
  }
  if (is_stopped())
    return;
  // Completion handlers of the tasks are still in the pool's queue, which is
  // first in, first out: let them run. Twice, for a thread keeps what a
  // handler defers to itself until that handler returns.
  bool reached = false; // under lock_
  asio::post(*pool_, marker{this, &reached, 1});
  {
    std::unique_lock held(lock_);
    changed_.wait(held, [&] { return reached; });
  }
}

void runtime_core::cancel_all() noexcept {
  const auto next_root = [this] {
    std::lock_guard held(lock_);
    task_core* root = roots_.tell_next();
    if (root != nullptr)
      root->add_ref();
    return root;
  };
  while (task_core* root = next_root()) {
    root->whole().request(asio::cancellation_type::terminal);
    root->release();
  }
  // Those behind a shield are cancelled by what is inside, if at all.
  group_core* groups = nullptr;
  {
    std::lock_guard held(lock_);
    for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next) {
      if (g->is_shielded())
        continue;
      g->add_ref();
      g->cancel_next = groups;
      groups = g;
    }
  }
  while (groups != nullptr) {
    group_core* group = std::exchange(groups, groups->cancel_next);
    group->cancel(group_state::cause::outside, {});
    group->release();
  }
}

// Under lock_.
void runtime_core::report_waiting() noexcept {
  std::fprintf(stderr,
               "weir: the runtime's destructor still waits, after %d s, for:\n",
               static_cast<int>(patience.count()));
  roots_.for_each([](const task_core& root) {
    std::fprintf(
        stderr, "  task %s\n", root.name == nullptr ? "(unnamed)" : root.name);
  });
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next)
    if (!g->is_idle())
      g->report(stderr);
}

// --- stop
// -------------------------------------------------------------------------

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
  ready_item* before = nullptr;
  if (preferred != nullptr)
    for (ready_item* t = due_; t != nullptr; before = t, t = t->ready_next)
      if (static_cast<task_core*>(t)->owner() == preferred) {
        if (before == nullptr)
          break; // It is the first.
        before->ready_next = t->ready_next;
        return static_cast<task_core*>(t);
      }
  task_core* const task = due_;
  if (task != nullptr)
    due_ = static_cast<task_core*>(task->ready_next);
  return task;
}

// Enters and leaves under lock_; not while the frames are destroyed.
void runtime_core::end_task(task_core& task, lock_held& held) noexcept {
  task_core* maker = task.owner()->maker();
  if (maker != nullptr)
    maker->add_ref();
  held.unlock();
  {
    abandoning_scope scope;
    task.end_parked();
    task.release();
  }
  held.lock();
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
  const auto is_below = [&](const task_core* t) {
    // While one waits for those that go before it, its owner is there.
    while (t != nullptr && t->is_parked() && t->owner() != &top)
      t = t->owner()->maker();
    return t != nullptr && t->is_parked();
  };
  ready_item* before = nullptr;
  for (ready_item* t = due_; t != nullptr; before = t, t = t->ready_next) {
    auto* const task = static_cast<task_core*>(t);
    if (!is_below(task))
      continue;
    if (before == nullptr)
      due_ = static_cast<task_core*>(t->ready_next);
    else
      before->ready_next = t->ready_next;
    return task;
  }
  return nullptr;
}

// Not any frame: one may own this very thread, and join it. The pool's threads
// do the same work, but each may be in such a frame. So it is enough to look
// from time to time.
void runtime_core::help_to_end(blocking_wait& until,
                               const task_owner& owner) noexcept {
  constexpr std::chrono::milliseconds pause{10};
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
    if (task_core* const task = take_due(&group))
      end_task(*task, held);
    else
      changed_.wait(held, [&] { return due_ != nullptr || group.is_idle(); });
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
  const auto report = [](task_core& task) {
    if (task.is_parked())
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
