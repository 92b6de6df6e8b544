// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/teardown.hpp>

#include "runtime_core.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <new>
#include <unordered_set>
#include <utility>

// How a runtime ends: docs/design/end-of-a-runtime.md. Its destructor first
// cancels all tasks and waits for them; then, as runtime::stop() does at once,
// it makes the tasks park, destroys their frames, and ends the threads.
// Long, because the stages share a lock and follow each other.

namespace weir::detail {

runtime_core::~runtime_core() {
  ready_.await_outside();
  timers_.close();
  ready_.close();
  // Objects destroyed here may submit to the scheduler, which drops the work.
  // Handlers may contain frames of asio::awaitables, in any order.
  teardown_scope scope;
  const auto drop_left = [this] {
    while (ready_item* const item = ready_.take_left())
      static_cast<task_core*>(item)->drop_queued();
  };
  drop_left();
  pool_.reset();
  drop_left();
}

// A deterministic runtime that cannot end is not destroyed, nor are the
// coroutines suspended on it: destroying them would access what they wait for.
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

void runtime_core::marker::operator()() const noexcept {
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

// The destroying thread.
void runtime_core::shut_down() noexcept {
  {
    std::lock_guard held(lock_);
    // release: as are the checks of the groups that follow; those are the ones
    // that matter, see group_is_idle().
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
      char line[80];
      std::snprintf(line,
                    sizeof line,
                    "the runtime's destructor still waits, after %d s, for",
                    static_cast<int>(patience.count()));
      report(line);
      changed_.wait(held, idle);
    }
  }
  if (is_stopped())
    return;
  // Completion handlers of the tasks are still in the pool's queue, which is
  // first in, first out: let them run. Twice, because a thread keeps what a
  // handler defers until that handler returns.
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
    return roots_.mark_next();
  };
  while (task_core* const root = next_root()) {
    root->whole().submit();
    root->release();
  }
  // Groups inside a shield are cancelled from inside the shield, if at all.
  tracked_group* groups = nullptr;
  {
    std::lock_guard held(lock_);
    groups_.for_each([&](tracked_group& g) {
      // One that is in the chain of another thread is cancelled by that thread.
      if (g.is_shielded() || g.is_in_cancel_chain || !g.try_add_ref())
        return;
      g.is_in_cancel_chain = true;
      g.cancel_next = groups;
      groups = &g;
    });
  }
  while (groups != nullptr) {
    tracked_group* group = nullptr;
    {
      std::lock_guard held(lock_);
      group = std::exchange(groups, groups->cancel_next);
      group->is_in_cancel_chain = false;
    }
    group->cancel_from_outside();
    group->release();
  }
}

// Under lock_.
void runtime_core::report(const char* first_line) noexcept {
  std::fprintf(stderr, "weir: %s:\n", first_line);
  roots_.for_each([](const task_core& root) {
    std::fprintf(
        stderr, "  task %s\n", root.name == nullptr ? "(unnamed)" : root.name);
  });
  groups_.for_each([](const tracked_group& g) {
    if (!g.is_idle())
      g.report(stderr);
  });
}

// --- runtime::stop() ---

void runtime_core::stop() noexcept {
  begin_end();
  // Not on a thread that the end could wait for.
  if (!is_own_thread() && !in_teardown())
    (void)finish_end();
}

// Under lock_.
void runtime_core::set_stage(stage s) noexcept {
  // release: pairs with stage_now().
  stage_.store(s, std::memory_order_release);
  changed_.notify_all();
}

// Any thread. First part: every task is marked. A running task parks at its
// next await; a waiting task has its wait ended, as by a cancellation, and then
// parks.
void runtime_core::begin_end() noexcept {
  strand_item* marked = nullptr;
  tracked_group* groups = nullptr;
  {
    std::lock_guard held(lock_);
    // release: pairs with is_stopped().
    if (stopped_.exchange(true, std::memory_order_release))
      return;
    set_stage(stage::marking);
    roots_.for_each([&](task_core& root) { root.add_end_mark(marked); });
    groups_.for_each([&](tracked_group& g) {
      if (!g.try_add_ref())
        return;
      g.end_next = groups;
      groups = &g;
    });
  }
  task_core::submit_end_marks(marked);
  for (tracked_group* g = groups; g != nullptr; g = g->end_next)
    g->signal_end();
  // Only then, because a task that a cancellation reaches first is resumed with
  // it. Refuses the waiters that want to start a child.
  while (groups != nullptr) {
    tracked_group* const group = std::exchange(groups, groups->end_next);
    group->cancel_from_outside();
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
  groups_.for_each([&](const tracked_group& g) { alive += g.children(); });
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

// Under lock_. No task waits for anything any more.
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
task_core* runtime_core::take_due(const tracked_group* preferred) noexcept {
  if (preferred != nullptr)
    if (task_core* const child = take_first(
            due_, [&](const task_core& t) { return t.owner() == preferred; }))
      return child;
  return take_first(due_, [](const task_core&) { return true; });
}

// Called and returns under lock_, which is released while the frames are
// destroyed. Releases the reference of the list of parked tasks.
void runtime_core::destroy_frames(task_core& task, lock_held& held) noexcept {
  held.unlock();
  {
    teardown_scope scope;
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

// Under lock_. The task of `top`, or one that must be destroyed before it; or
// null.
task_core* runtime_core::take_due_below(const task_owner& top) noexcept {
  return take_first(due_, [&](const task_core& task) {
    const task_core* t = &task;
    // The owner of a parked task exists until the tasks that must be destroyed
    // before it have ended.
    while (t != nullptr && t->is_parked() && t->owner() != &top)
      t = t->owner()->maker();
    return t != nullptr && t->is_parked();
  });
}

// Not any frame: a frame may own this very thread, and join it. The pool's
// threads do the same work, but each may be in such a frame. So it is enough to
// check from time to time.
void runtime_core::help_to_end(blocking_wait& until,
                               const task_owner& owner) noexcept {
  lock_held held(lock_);
  while (!until.is_done())
    if (task_core* const task = take_due_below(owner))
      end_task(*task, held);
    else
      changed_.wait_for(held, pause, [&] { return until.is_done(); });
}

void runtime_core::end_children_of(tracked_group& group) noexcept {
  lock_held held(lock_);
  while (!group.is_idle())
    if (end_first_to_go(&group, held)) {
    } else if (task_core* const task = take_due(&group)) {
      end_task(*task, held);
    } else {
      // The last child may end by itself, without a notification.
      changed_.wait_for(
          held, pause, [&] { return due_ != nullptr || group.is_idle(); });
    }
}

// Under lock_. The frames are destroyed. The completion handlers of the tasks
// are in the pool's queue.
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
    parked.clear(); // Then it also prints parked tasks.
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
  groups_.for_each([&](const tracked_group& g) { g.for_each_child(report); });
}

// --- an end that stalls ---
//
// weir must not destroy an asio::awaitable, so the task that awaits it parks
// only when the awaitable has returned. Such an awaitable may wait for tasks of
// the same runtime: by with_task_group(), by a join() or a co_spawn() with
// use_awaitable. Those tasks are already parked and would never end: the end
// stalls. So, when every task that is not parked has started others, the parked
// ones below them that have started nothing that is alive are destroyed first.
// This is the order of any cancellation: a child ends while its parent waits
// for it.

namespace {
constexpr std::chrono::milliseconds first_pause{10};
constexpr std::chrono::seconds longest_pause{1};

// Precondition: `task` is parked, so its owner exists.
const task_core* maker_of(const task_core& task) noexcept {
  return task.owner()->maker();
}
} // namespace

// A pool thread, no lock held.
runtime_core::stall_timer::stall_timer(runtime_core& r) noexcept
    : timer_function([](timer_function& timer) noexcept {
        auto& self = static_cast<stall_timer&>(timer);
        (void)self.runtime.break_stall();
        std::lock_guard held(self.runtime.lock_);
        self.runtime.arm_stall_timer();
      }),
      runtime(r), pause(first_pause) {}

// Under lock_. No event reports that the end has stalled: a timer checks, less
// and less often. A deterministic runtime's driver knows when it has stalled.
void runtime_core::arm_stall_timer() noexcept {
  if (stage_now() != stage::parking || driver_ != nullptr)
    return;
  timers_.arm(stall_timer_, clock::now() + stall_timer_.pause);
  stall_timer_.pause =
      std::min<clock::duration>(2 * stall_timer_.pause, longest_pause);
}

bool runtime_core::break_stall() noexcept {
  bool any = false;
  lock_held held(lock_);
  for (;;) {
    try {
      collect_first_to_go();
    } catch (const std::bad_alloc&) {
      return any; // The next look may find memory.
    }
    if (first_to_go_ == nullptr)
      return any;
    any = true;
    while (end_first_to_go(nullptr, held)) {
    }
  }
}

// Under lock_. Does nothing unless every task that is not parked waits for what
// it started, or runs and may still do so. Linear in the number of tasks alive,
// apart from the length of the chains of makers.
void runtime_core::collect_first_to_go() {
  if (stage_now() != stage::parking || first_to_go_count_ != 0 ||
      parked_count_ == 0)
    return;
  using task_set = std::unordered_set<const task_core*>;
  task_set parked;
  task_set others;
  task_set makers;
  parked.reserve(parked_count_);
  for (ready_item* item = parked_; item != nullptr; item = item->ready_next)
    parked.insert(static_cast<task_core*>(item));
  std::size_t alive = root_count_;
  const auto add = [&](const task_core& task, const task_core* maker) {
    if (!parked.contains(&task))
      others.insert(&task);
    if (maker != nullptr)
      makers.insert(maker);
  };
  roots_.for_each([&](const task_core& t) { add(t, t.root_maker); });
  groups_.for_each([&](const tracked_group& g) {
    alive += g.children();
    g.for_each_child([&](const task_core& t) { add(t, g.maker()); });
  });
  if (parked.size() + others.size() != alive)
    return; // A child that has not awaited yet is in no list: it runs.
  const auto waits = [&](const task_core* t) { return makers.contains(t); };
  if (!std::all_of(others.begin(), others.end(), waits))
    return;
  const auto is_below_one_that_waits = [&](const task_core& task) {
    const task_core* maker = maker_of(task);
    while (maker != nullptr && parked.contains(maker))
      maker = maker_of(*maker);
    return maker != nullptr && others.contains(maker);
  };
  ready_item** link = &parked_;
  while (*link != nullptr) {
    auto* const task = static_cast<task_core*>(*link);
    if (waits(task) || !is_below_one_that_waits(*task)) {
      link = &task->ready_next;
      continue;
    }
    *link = task->ready_next;
    task->ready_next = first_to_go_;
    first_to_go_ = task;
    ++first_to_go_count_;
    --parked_count_; // It counts as running until it has ended.
    ++not_parked_;
  }
}

// Called and returns under lock_. Destroys the frames of a child of `of`, or of
// any task if `of` is null. False: there is none.
bool runtime_core::end_first_to_go(const tracked_group* of,
                                   lock_held& held) noexcept {
  task_core* const task = take_first(first_to_go_, [&](const task_core& t) {
    return of == nullptr || t.owner() == of;
  });
  if (task == nullptr)
    return false;
  destroy_frames(*task, held);
  --first_to_go_count_;
  changed_.notify_all();
  return true;
}

} // namespace weir::detail
