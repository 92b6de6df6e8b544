// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>

#include "group_core.hpp"
#include "group_lock.hpp"

#include <cstdint>
#include <exception>
#include <mutex>
#include <tuple>
#include <utility>

// How children of a group start and end.

namespace weir::detail {

task_core* group_core::make_child(unstarted child) {
  task_core* core = nullptr;
  try {
    core = new task_core(runtime_, *this, *child.root);
  } catch (...) {
    child.root->handle().destroy();
    throw;
  }
  core->name = child.name;
  core->unwinds(cancellation_ == on_cancel::unwind);
  return core;
}

void group_core::discard_child(task_core* child) noexcept {
  child->destroy_root();
  child->release();
}

bool group_core::spawn_fast(std::uint64_t& index) noexcept {
  slot_word::counts now{};
  if (slots_.try_enter(now) != slot_word::entry::entered)
    return false;
  index = now.started - 1;
  // relaxed, all: a maximum, read under the lock.
  auto peak = peak_.load(std::memory_order_relaxed);
  while (now.running > peak &&
         !peak_.compare_exchange_weak(peak,
                                      now.running,
                                      std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
  }
  return true;
}

group_state::admission
group_core::spawn(spawn_step& step, task_core* parent, bool awaits) noexcept {
  std::uint64_t index = 0;
  if (spawn_fast(index)) {
    launch(*std::exchange(step.child_, nullptr), index);
    return group_state::admission::started;
  }
  task_core* child = step.child_;
  group_state::admission result;
  group_queue woken;
  {
    rules_lock held(*this);
    const group_state::request wanted = request_of(step, parent, awaits);
    if (permits_ != nullptr)
      child->permits = static_cast<std::uint32_t>(wanted.weight);
    result = state_.admit(&step, wanted, index);
    if (result == group_state::admission::lent) {
      if (step.role == group_waiter::kind::lender)
        parent->lends = true;
      if (permits_ != nullptr)
        child->permits = parent->take_permits();
    }
    if (result == group_state::admission::lent ||
        result == group_state::admission::started)
      step.child_ = nullptr;
    if (permits_ != nullptr && (result == group_state::admission::lent ||
                                result == group_state::admission::queued)) {
      state_.admit_waiting(woken);
      give_back(woken);
    }
  }
  // A queued step may be gone.
  if (result == group_state::admission::lent ||
      result == group_state::admission::started)
    launch(*child, index);
  complete(woken); // *this may be gone.
  return result;
}

spawn_status group_core::reserve(std::uint64_t& index,
                                 std::size_t weight) noexcept {
  if (spawn_fast(index))
    return spawn_status::started;
  rules_lock held(*this);
  group_state::request wanted;
  wanted.weight = weight;
  switch (state_.admit(nullptr, wanted, index)) {
  case group_state::admission::started:
    return spawn_status::started;
  case group_state::admission::cancelled:
    return spawn_status::cancelled;
  case group_state::admission::closed:
    return spawn_status::closed;
  case group_state::admission::full:
  case group_state::admission::overloaded: // Never, without a waiter.
  case group_state::admission::lent:
  case group_state::admission::queued:
    break;
  }
  return spawn_status::full;
}

void group_core::unreserve(std::size_t weight) noexcept {
  runtime_core& runtime = runtime_;
  group_queue woken;
  bool idle = false;
  {
    rules_lock held(*this);
    if (permits_ != nullptr)
      permits_->put_back(weight);
    state_.retract(woken);
    give_back(woken);
    idle = state_.is_at_rest();
  }
  complete(woken); // *this may be gone.
  // It was counted as a child.
  if (idle)
    runtime.group_is_idle();
  if (runtime.is_stopped())
    runtime.end_task_counted();
}

void group_core::launch_reserved(unstarted child,
                                 std::uint64_t index,
                                 std::size_t weight) {
  task_core* core = nullptr;
  try {
    core = make_child(child);
  } catch (...) {
    unreserve(weight);
    throw;
  }
  core->permits = static_cast<std::uint32_t>(weight); // if there are any
  launch(*core, index);
}

bool group_core::withdraw(group_waiter& w, task_core* parent) noexcept {
  group_queue woken;
  {
    rules_lock held(*this);
    if (!state_.withdraw(w, woken))
      return false;
    if (w.role == group_waiter::kind::lender && parent != nullptr)
      parent->lends = false;
    give_back(woken);
  }
  complete(woken); // *this may be gone.
  return true;
}

// Lock held: the lenders among `woken` have a slot again.
void group_core::give_back(group_queue& woken) noexcept {
  for (group_waiter* w = woken.first(); w != nullptr; w = w->next)
    if (w->role == group_waiter::kind::lender ||
        w->role == group_waiter::kind::permit_lender)
      static_cast<spawn_step*>(w)->returned();
    else if (w->state == group_waiter::fate::restored)
      returned(static_cast<resting_waiter&>(*w));
}

// No lock held. Starts the children of spawners that got a slot, and tells
// everybody in `woken`. Static, for the group of those it tells may be gone:
// at once if there are none, and else as soon as they are told.
void group_core::complete(group_queue& woken) noexcept {
  while (group_waiter* w = woken.pop_front()) {
    if (w->role == group_waiter::kind::spawner &&
        w->state == group_waiter::fate::granted) {
      auto& step = static_cast<spawn_step&>(*w);
      launch(*std::exchange(step.child_, nullptr), w->index);
    }
    if (w->role == group_waiter::kind::joiner ||
        w->role == group_waiter::kind::idler) {
      auto& rested = static_cast<resting_waiter&>(*w);
      if (rested.lent != 0 && rejoin(rested))
        continue; // Its own group completes it.
    }
    w->who->complete(*w->who); // *w may be gone.
  }
}

// On the child's strand.
bool group_core::on_first_await(task_core& core) noexcept {
  const std::size_t i = scheduler::this_worker_index() % children_.size();
  child_list& list = children_[i];
  std::lock_guard held(list.lock);
  // Behind a shield it waits although the group is cancelled, and the runtime
  // may be stopped meanwhile: it has to be found.
  if (list.is_told)
    list.tasks.add_told(core);
  else
    list.tasks.add(core);
  static_assert(std::tuple_size_v<decltype(children_)> < 8); // three bits
  core.listed_in = static_cast<std::uint8_t>(i + 1) & 7;
  return list.is_told;
}

// On the child's strand.
void group_core::unlist(task_core& core) noexcept {
  if (core.listed_in == 0)
    return;
  child_list& list = children_[core.listed_in - 1u];
  std::lock_guard held(list.lock);
  list.tasks.remove(core);
  core.listed_in = 0;
}

// On the child's strand.
void group_core::on_end(task_core& core, task_end end) noexcept {
  if (end != task_end::returned) [[unlikely]] {
    end_badly(core, end);
    return;
  }
  // The callable, its captures and the frame go before the count: the joiner
  // may own what they refer to.
  core.destroy_root();
  unlist(core);
  runtime_core& runtime = runtime_;
  bool idle = false;
  if (slots_.try_leave(idle) == slot_word::exit::left) {
    // *this may be gone.
    if (idle)
      runtime.group_is_idle();
    return;
  }
  count_end(core, group_state::ending::completed);
}

// The same, for one that threw, was stopped or abandoned.
void group_core::end_badly(task_core& core, task_end end) noexcept {
  std::exception_ptr error;
  if (end == task_end::threw)
    error = core.root()->take_error();
  else if (end == task_end::abandoned)
    error = error_of(errc::task_abandoned);
  core.destroy_root(); // as above

  auto ending = group_state::ending::cancelled;
  // The end of the runtime tells the tasks first and their groups after them.
  const bool is_asked = is_cancelled() || runtime_.is_stopped();
  if (end != task_end::stopped && !(is_asked && is_aborted(error))) {
    // First the error, then the siblings, then the count.
    ending = group_state::ending::failed;
    record(error,
           core.index,
           core.name,
           policy_.siblings() == on_error::cancel_siblings);
  }
  error = nullptr; // The joiner's from here on.

  unlist(core);
  count_end(core, ending);
}

// Lock held. The spawn() of a child that still waits for the slot it lent; it
// has ended before that, so this is rare.
group_waiter* group_core::lent_by(const task_core& child) noexcept {
  return state_.find_lender([&](const group_waiter& w) {
    return static_cast<const spawn_step&>(w).parent_ == &child;
  });
}

// The rules count a child as ended.
void group_core::count_end(task_core& core,
                           group_state::ending ending) noexcept {
  runtime_core& runtime = runtime_;
  group_queue woken;
  bool idle = false;
  {
    rules_lock held(*this);
    if (permits_ != nullptr)
      permits_->put_back(core.take_permits());
    state_.end(ending, core.lends ? lent_by(core) : nullptr, woken);
    give_back(woken);
    idle = state_.is_at_rest();
  }
  // With the last child counted, a joiner may have destroyed the group.
  complete(woken);
  if (idle)
    runtime.group_is_idle();
  if (runtime.is_stopped())
    runtime.end_task_counted();
}

} // namespace weir::detail
