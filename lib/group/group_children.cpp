// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>

#include "counted_lock.hpp"
#include "group_core.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

// How children of a group start and end, and what they borrow: permits of its
// limiter, and the slot or the permits that a task lends while it waits. Long,
// because lending a slot and taking it back is one protocol.

namespace weir::detail {

namespace {
// Children of a group that is no part of a tree of small groups.
constexpr std::uint64_t many = 16;
// Children in the first list when the others are made.
#if defined(WEIR_SYNC_POLICY)
constexpr std::uint32_t long_list = 2; // The explorer must come to it.
#else
constexpr std::uint32_t long_list = 16;
#endif
} // namespace

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

void group_core::launch(task_core& child, std::uint64_t index) noexcept {
  child.index = index;
  child.launch();
}

std::uint64_t group_core::spawn_fast(std::uint64_t& index) noexcept {
  slot_counter::counts now{};
  if (slots_.try_enter(now) != slot_counter::entry::entered)
    return 0;
  index = now.started - 1;
  return now.running;
}

group_state::admission
group_core::spawn(spawn_step& step, task_core* parent, bool awaits) noexcept {
  std::uint64_t index = 0;
  if (const std::uint64_t running = spawn_fast(index); running != 0) {
    step.of_many_ = running >= many;
    launch(*std::exchange(step.child_, nullptr), index);
    return group_state::admission::started;
  }
  task_core* child = step.child_;
  group_state::admission result;
  group_queue woken;
  {
    counted_lock held(*this);
    const group_state::request wanted = request_of(step, parent, awaits);
    if (permits_ != nullptr)
      child->permits = static_cast<std::uint32_t>(wanted.weight);
    result = rules_->state.admit(&step, wanted, index);
    step.of_many_ = rules_->state.children() >= many;
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
      rules_->state.admit_waiting(woken);
      give_back(woken);
    }
  }
  // A queued step may be destroyed.
  if (result == group_state::admission::lent ||
      result == group_state::admission::started)
    launch(*child, index);
  complete(woken); // *this may be destroyed.
  return result;
}

spawn_status group_core::reserve(std::uint64_t& index,
                                 std::size_t weight) noexcept {
  if (spawn_fast(index) != 0)
    return spawn_status::started;
  counted_lock held(*this);
  group_state::request wanted;
  wanted.weight = weight;
  switch (rules_->state.admit(nullptr, wanted, index)) {
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
    counted_lock held(*this);
    if (permits_ != nullptr)
      permits_->put_back(weight);
    rules_->state.retract(woken);
    give_back(woken);
    idle = rules_->state.is_at_rest();
  }
  complete(woken); // *this may be destroyed.
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
    counted_lock held(*this);
    if (!rules_->state.withdraw(w, woken))
      return false;
    if (w.role == group_waiter::kind::lender && parent != nullptr)
      parent->lends = false;
    give_back(woken);
  }
  complete(woken); // *this may be destroyed.
  return true;
}

// Lock held: the lenders among `woken` have a slot again.
void group_core::give_back(group_queue& woken) noexcept {
  for (group_waiter* w = woken.first(); w != nullptr; w = w->next)
    if (w->role == group_waiter::kind::lender ||
        w->role == group_waiter::kind::permit_lender)
      static_cast<spawn_step*>(w)->returned();
    else if (w->state == group_waiter::wait_result::restored)
      returned(static_cast<resting_waiter&>(*w));
}

// No lock held. Starts the children of spawners that got a slot, and completes
// all waiters in `woken`. Static, because the group may be destroyed: at once
// if there are no waiters, else as soon as they are completed.
void group_core::complete(group_queue& woken) noexcept {
  while (group_waiter* w = woken.pop_front()) {
    if (w->role == group_waiter::kind::spawner &&
        w->state == group_waiter::wait_result::granted) {
      auto& step = static_cast<spawn_step&>(*w);
      launch(*std::exchange(step.child_, nullptr), w->index);
    }
    if (w->role == group_waiter::kind::joiner ||
        w->role == group_waiter::kind::idler) {
      auto& rested = static_cast<resting_waiter&>(*w);
      if (rested.lent != 0 && rejoin(rested))
        continue; // Its own group completes it.
    }
    w->who->complete(*w->who); // *w may be destroyed.
  }
}

// On the child's strand.
bool group_core::on_first_await(task_core& core) noexcept {
  std::size_t i = 0;
  // acquire: sees the lists.
  if (spread_.load(std::memory_order_acquire))
    i = scheduler::this_worker_index() % most_lists;
  bool is_cancelled = false;
  bool is_long = false;
  {
    child_list& list = list_of_children(i);
    std::lock_guard held(list.lock);
    // Listed also in a cancelled group: behind a shield the child still waits,
    // and if the runtime is stopped meanwhile, the end must find it.
    is_cancelled = list.is_cancelled;
    if (is_cancelled)
      list.tasks.add_cancelled(core);
    else
      list.tasks.add(core);
    is_long = ++list.size == long_list;
  }
  static_assert(most_lists < 8); // three bits
  core.listed_in = static_cast<std::uint8_t>(i + 1) & 7;
  if (is_long && i == 0)
    spread();
  return is_cancelled;
}

// The only list is long. In a cancelled group the canceller may be walking
// along it: there it remains the only one.
void group_core::spread() noexcept {
  std::lock_guard held(lock_);
  // relaxed, both: under the lock.
  if (spread_.load(std::memory_order_relaxed) ||
      cancelled_.load(std::memory_order_relaxed))
    return;
  more_children_.emplace();
  // release: publishes the lists.
  spread_.store(true, std::memory_order_release);
}

// On the child's strand.
void group_core::unlist(task_core& core) noexcept {
  if (core.listed_in == 0)
    return;
  child_list& list = list_of_children(core.listed_in - 1u);
  std::lock_guard held(list.lock);
  list.tasks.remove(core);
  --list.size;
  core.listed_in = 0;
}

// On the child's strand.
void group_core::on_end(task_core& core, task_end end) noexcept {
  if (end != task_end::returned) [[unlikely]] {
    end_badly(core, end);
    return;
  }
  // The callable, its captures and the frame are destroyed before the child is
  // counted as ended: the joiner may own what they refer to.
  core.destroy_root();
  unlist(core);
  runtime_core& runtime = runtime_;
  bool idle = false;
  group_waiter* joiner = nullptr;
  if (slots_.try_leave(idle, joiner) == slot_counter::exit::left) {
    // *this may be destroyed.
    if (joiner != nullptr)
      joiner->who->complete(*joiner->who); // *joiner may be destroyed.
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
  // The end of the runtime reaches the tasks first and their groups after them.
  const bool is_asked = is_cancelled() || runtime_.is_stopped();
  if (end != task_end::stopped && !(is_asked && is_aborted(error))) {
    // Records the error, then cancels the siblings, then counts the child.
    ending = group_state::ending::failed;
    record(error,
           core.index,
           core.name,
           policy_.siblings() == on_error::cancel_siblings);
  }
  error = nullptr; // The joiner owns it from here on.

  unlist(core);
  count_end(core, ending);
}

// Lock held. The spawn() of `child` that still waits for the slot it lent; null
// if there is none. Rare: the child has ended before it got the slot back.
group_waiter* group_core::lent_by(const task_core& child) noexcept {
  return rules_->state.find_lender([&](const group_waiter& w) {
    return static_cast<const spawn_step&>(w).parent_ == &child;
  });
}

// Counts a child as ended in the rules.
void group_core::count_end(task_core& core,
                           group_state::ending ending) noexcept {
  runtime_core& runtime = runtime_;
  group_queue woken;
  bool idle = false;
  {
    counted_lock held(*this);
    if (permits_ != nullptr)
      permits_->put_back(core.take_permits());
    rules_->state.end(ending, core.lends ? lent_by(core) : nullptr, woken);
    give_back(woken);
    idle = rules_->state.is_at_rest();
  }
  // With the last child counted, a joiner may have destroyed the group.
  complete(woken);
  if (idle)
    runtime.group_is_idle();
  if (runtime.is_stopped())
    runtime.end_task_counted();
}

// --- permits, and what is lent ---

// Any thread, no lock held.
void group_core::permit_settled(bool granted) noexcept {
  group_queue woken;
  bool gone = false;
  {
    counted_lock held(*this);
    permits_->answered(granted);
    rules_->state.admit_waiting(woken);
    give_back(woken);
    gone = handle_gone_;
  }
  complete(woken); // *this may be destroyed, unless `gone`:
  if (gone)        // the answer holds a reference
    release();
}

void group_core::require_weight(std::size_t weight, const char* who) const {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  if (permits_ != nullptr)
    permits_->from().require_weight(weight, who);
  if (weight == 0 || weight > most)
    throw std::invalid_argument(
        std::string(who) + ": weight is " + std::to_string(weight) +
        ", must be at least 1 and at most " + std::to_string(most));
}

// Lock held.
group_state::request group_core::request_of(const spawn_step& step,
                                            const task_core* parent,
                                            bool awaits) const noexcept {
  using lends = group_state::lends;
  group_state::request wanted;
  wanted.weight = static_cast<std::size_t>(step.index) + 1;
  if (parent == nullptr)
    return wanted;
  const bool own = parent->owner() == this && !parent->lends;
  if (permits_ == nullptr) {
    wanted.parent = own ? lends::all : lends::nothing;
    return wanted;
  }
  // A parent that continues to run keeps what it holds, unless it is a child of
  // this group: the group notices when its children end.
  if (!own && (!awaits || parent->owner()->limiter() != limiter()))
    return wanted;
  wanted.lent = parent->permits_held();
  if (wanted.lent >= wanted.weight)
    wanted.parent = own ? lends::all : lends::permit;
  return wanted;
}

// --- tasks that wait for the children of a group ---

// Lock held, `w` is queued.
void group_core::lend_permits(resting_waiter& w) noexcept {
  if (permits_ == nullptr || w.self == nullptr ||
      w.self->owner()->limiter() != limiter())
    return;
  w.lent = w.self->take_permits();
  permits_->put_back(w.lent);
}

// The group that the waiting task is a child of. Precondition: the task has
// lent permits, so it is a child of a group: only groups have a limiter.
group_core& group_core::own_group(const resting_waiter& w) noexcept {
  return static_cast<group_core&>(*w.self->owner());
}

// No lock held. False: it does not wait.
bool group_core::rejoin(resting_waiter& w) noexcept {
  group_core& own = own_group(w);
  group_queue woken;
  {
    counted_lock held(own);
    if (w.gave_up || !own.rules_->state.rejoin(w, w.lent))
      return false;
    w.rejoining = true;
    own.rules_->state.admit_waiting(woken);
    give_back(woken);
  }
  // `own` may be destroyed: the task may have its permits back.
  complete(woken);
  return true;
}

// Lock of its own group held.
void group_core::returned(resting_waiter& w) noexcept {
  w.self->add_permits(w.lent);
}

// On the strand of the task, which waits.
bool group_core::give_up_permits(resting_waiter& w) noexcept {
  if (w.self == nullptr || w.self->owner()->limiter() == nullptr)
    return false;
  group_core& own = own_group(w);
  group_queue woken;
  {
    counted_lock held(own);
    w.gave_up = true;
    if (!w.rejoining || !own.rules_->state.withdraw(w, woken))
      return false;
    give_back(woken);
  }
  complete(woken); // `own` may be destroyed.
  return true;
}

} // namespace weir::detail
