// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group/group_core.hpp"
#include "runtime_core.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <unordered_set>

// What stop() does when it stalls: it destroys some frames while other tasks
// still wait.
//
// An asio::awaitable is not weir's to destroy, so the task that awaits it parks
// only when the awaitable has returned. Such an awaitable may wait for tasks of
// the same runtime: by with_task_group(), by a join() or a co_spawn() with
// use_awaitable. Those are parked already and would never end: the end stalls.
// So, when every task that is not parked has made others, those of them that
// made nothing that is alive are the first to go. It is the order of any
// cancellation: a child ends while its parent waits for it.

namespace weir::detail {

namespace {
constexpr std::chrono::milliseconds first_pause{10};
constexpr std::chrono::seconds longest_pause{1};

// Of a parked one: its owner is there.
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

// Under lock_. No event says that the end has stalled: a timer looks, less and
// less often. A deterministic runtime's driver knows when it has.
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

// Under lock_. Does nothing unless all that are not parked wait for what they
// made, or run and may come to that. Linear in the tasks that are alive, but
// for the length of the chains of makers.
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
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next) {
    alive += g->children();
    g->for_each_child([&](const task_core& t) { add(t, g->maker()); });
  }
  if (parked.size() + others.size() != alive)
    return; // A child that has not awaited yet is in no list. It runs.
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
    --parked_count_; // As one that runs, until it has ended.
    ++not_parked_;
  }
}

// Enters and leaves under lock_. A child of `of`; any if it is null. False:
// there is none.
bool runtime_core::end_first_to_go(const group_core* of,
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
