// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_core.hpp"

#include <weir/detail/base/teardown.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/group_error.hpp>

#include "base/thread_context.hpp"
#include "counted_lock.hpp"
#include "pending_cancels.hpp"

#include <boost/asio/error.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

// The group as a whole: how it is joined, how it fails and is cancelled, and
// how it comes to rest. Long, because its members share the locks that they
// pass on; its children's members are in group_children.cpp.

namespace weir::detail {

#if !defined(WEIR_SYNC_POLICY)
// A larger group_core would not come from the cache.
static_assert(sizeof(void*) != 8 || sizeof(group_core) <= size_class::largest);
#endif

group_core& group_core::create(runtime_core& runtime,
                               const task_group_options& options,
                               group_kind kind) {
  auto* core = new group_core(runtime, options, kind);
  if (runtime.add_group(*core, kind != group_kind::bare))
    core->cancel(group_state::cause::outside, {});
  return *core;
}

group_core::group_core(runtime_core& runtime,
                       const task_group_options& options,
                       group_kind kind)
    : runtime_(runtime), policy_(options.errors),
      cancellation_(options.cancellation), name_(options.name), kind_(kind),
      slots_(options.max_in_flight),
      permits_(
          options.limiter != nullptr
              ? new group_permits(*this, limiter_access::core(*options.limiter))
              : nullptr),
      max_waiting_(options.max_waiting) {
  if (permits_ != nullptr) {
    (void)slots_.lock(); // Permanently: counting is not enough.
    make_rules();
  }
}

// Under lock_, or in the constructor: the word was fresh.
void group_core::make_rules() const noexcept {
  rules_.emplace(
      slots_.cap(), max_waiting_, policy_.collected(), permits_.get());
}

void group_core::release() noexcept {
  // acquire: the last reference needs no exchange; it sees what others did with
  // theirs. acq_rel: as task_core::release().
  if (refs_.load(std::memory_order_acquire) == 1 ||
      refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    delete this;
}

void group_core::handle_gone() noexcept {
  // acquire: sees the timers. A thread that sets one now would use the group
  // while it is destroyed; next_stage(), which holds a reference, finds the
  // timer retired.
  if (timed_.load(std::memory_order_acquire)) {
    timers_->deadline.retire();
    timers_->stages.retire();
  }
  if (!give_up_handle()) [[unlikely]] {
    wait_for_children_of_end();
    (void)give_up_handle();
  }
  runtime_.remove_group(*this);
  release();
}

// False: it is in use. Else it has no hook any more, which is destroyed here,
// not with the last reference: it may refer to objects whose lifetime ends now.
bool group_core::give_up_handle() noexcept {
  if (slots_.is_freshly_joined()) // It has no hook.
    return true;
  std::shared_ptr<const error_hook> hook;
  counted_lock held(*this);
  if (!rules_->state.is_at_rest() || rules_->state.has_stopper())
    return false;
  hook.swap(rules_->hook);
  handle_gone_ = true;
  if (permits_ != nullptr && permits_->is_asking())
    add_ref();   // Released when the answer arrives.
  held.unlock(); // before the hook is destroyed
  return true;
}

// The group is destroyed with children, or with tasks that wait for it: only
// the end of the runtime may do that.
void group_core::wait_for_children_of_end() noexcept {
  // The end of the runtime cannot order the destruction of a group that is in a
  // frame and was created by another task, or that a thread of the user owns.
  if (!is_idle() && (in_teardown() || runtime_.ends_elsewhere()))
    runtime_.end_children_of(*this);
  if (!is_idle()) {
    std::fputs("weir: a task_group was destroyed before join():\n", stderr);
    report(stderr);
    std::fputs("  co_await group.join() first, or use with_task_group()\n",
               stderr);
    std::terminate();
  } else if (has_stopper()) {
    std::fprintf(stderr,
                 "weir: the task_group %s was destroyed before join() while "
                 "somebody waits in wait_stopping()\n",
                 name_);
    std::terminate();
  }
}

// --- join ---

bool group_core::join(resting_waiter& w) noexcept {
  // As the rules find it if they take over.
  w.role = group_waiter::kind::joiner;
  w.state = group_waiter::wait_result::queued;
  switch (slots_.try_join(w)) {
  case slot_counter::joining::joined:
    return true;
  case slot_counter::joining::waits:
    return false; // *this may be destroyed.
  case slot_counter::joining::refused:
    break;
  }
  group_queue woken;
  bool joined = false;
  {
    counted_lock held(*this);
    joined = rules_->state.join(w, woken);
    if (!joined)
      lend_permits(w);
  }
  complete(woken); // *this may be destroyed, when it is not joined.
  return joined;
}

bool group_core::is_joined_by_scope() const noexcept {
  counted_lock held(*this);
  // relaxed: the task that asks has attached and detached it.
  return kind_ != group_kind::bare &&
         body_.load(std::memory_order_relaxed) == 0;
}

std::exception_ptr group_core::outcome() const {
  if (is_unbroken())
    return nullptr;
  {
    // All children have ended; the lock only orders a late cancel().
    counted_lock held(*this);
    if (rules_->join_error != nullptr)
      return rules_->join_error;
    if (!rules_->errors.has_error()) {
      held.unlock();
      return broken_off();
    }
  }
  std::exception_ptr error = rules_->errors.get();
  if (policy_.collected() == 0)
    return error;
  const std::exception_ptr mine = error; // Not destroyed under the lock.
  counted_lock held(*this);
  if (rules_->join_error == nullptr)
    rules_->join_error = error;
  error = rules_->join_error;
  return error;
}

bool group_core::is_outcome(const std::exception_ptr& error) const noexcept {
  counted_lock held(*this);
  if (!rules_->state.is_joined())
    return false;
  if (rules_->errors.has_error())
    return error == rules_->errors.first() || error == rules_->join_error;
  return rules_->state.cancelled_by() == group_state::cause::deadline &&
         error == error_of(asio::error::timed_out);
}

std::exception_ptr group_core::broken_off() const {
  counted_lock held(*this);
  switch (rules_->state.cancelled_by()) {
  case group_state::cause::deadline:
    return error_of(asio::error::timed_out);
  case group_state::cause::outside:
    return error_of(asio::error::operation_aborted);
  case group_state::cause::none:
  case group_state::cause::failure:
  case group_state::cause::own:
    break;
  }
  return nullptr;
}

bool group_core::ended_by_outside() const noexcept {
  if (is_unbroken())
    return false;
  counted_lock held(*this);
  return !rules_->errors.has_error() &&
         rules_->state.cancelled_by() == group_state::cause::outside;
}

bool group_core::has_error() const noexcept {
  counted_lock held(*this);
  return rules_->errors.has_error();
}

bool group_core::is_broken_off_from_outside() const noexcept {
  counted_lock held(*this);
  return rules_->state.cancelled_by() == group_state::cause::outside;
}

// --- the rest ---

void group_core::set_cap(std::size_t cap) noexcept {
  group_queue woken;
  {
    counted_lock held(*this);
    rules_->state.set_cap(cap, woken);
    give_back(woken);
  }
  complete(woken); // *this may be destroyed.
}

std::size_t group_core::cap() const noexcept {
  counted_lock held(*this);
  return rules_->state.cap();
}

task_group_stats group_core::stats() const noexcept {
  counted_lock held(*this);
  const auto& c = rules_->state.counted();
  return {c.in_flight,
          rules_->state.available(),
          c.waiting,
          c.peak,
          c.spawned,
          c.completed,
          c.failed,
          c.cancelled,
          c.rejected};
}

boost::system::error_code group_core::cancel_reason() const noexcept {
  counted_lock held(*this);
  return rules_->reason;
}

bool group_core::is_idle() const noexcept {
  counted_lock held(*this);
  return rules_->state.is_at_rest();
}

std::size_t group_core::children() const noexcept {
  counted_lock held(*this);
  return rules_->state.children();
}

bool group_core::has_stopper() const noexcept {
  counted_lock held(*this);
  return rules_->state.has_stopper();
}

void group_core::visit_children(void (*visit)(task_core& child, void* to),
                                void* to) const {
  const std::size_t n = lists_at_the_end();
  for (std::size_t i = 0; i != n; ++i) {
    child_list& list = list_of_children(i);
    std::lock_guard held(list.lock);
    list.tasks.for_each([&](task_core& child) { visit(child, to); });
  }
}

// For a caller that holds lock_, or has cancelled the group: no list is added
// meanwhile.
std::size_t group_core::lists() const noexcept {
  // acquire: sees the lists.
  return spread_.load(std::memory_order_acquire) ? most_lists : 1;
}

// The same for another caller: if a list is added after this, the child that
// uses it sees what the caller did before.
std::size_t group_core::lists_at_the_end() const noexcept {
  std::lock_guard held(lock_);
  return lists();
}

void group_core::signal_end() noexcept {
  const std::size_t n = lists_at_the_end();
  for (std::size_t i = 0; i != n; ++i) {
    child_list& list = list_of_children(i);
    strand_item* marked = nullptr;
    {
      std::lock_guard held(list.lock);
      list.tasks.for_each(
          [&](task_core& child) { child.add_end_mark(marked); });
    }
    task_core::submit_end_marks(marked);
  }
}

// --- errors, cancellation ---

void group_core::record(const std::exception_ptr& error,
                        std::uint64_t index,
                        const char* name,
                        bool cancel_siblings) noexcept {
  std::unique_ptr<error_record::node> kept;
  if (policy_.collected() != 0) {
    try {
      kept = std::make_unique<error_record::node>();
      kept->index = index;
      kept->error = error;
      if (name != nullptr)
        kept->name = name;
    } catch (const std::bad_alloc&) {
      kept = nullptr; // Only counted, but the first is always kept.
    }
  }
  const bool stopped = runtime_.is_stopped();
  std::shared_ptr<const error_hook> hook;
  std::exception_ptr join_error; // destroyed without the lock
  {
    counted_lock held(*this);
    rules_->errors.add(error, kept);
    // release: see is_unbroken().
    failed_.store(true, std::memory_order_release);
    std::swap(join_error, rules_->join_error);
    if (!stopped)
      hook = rules_->hook;
    if (hook == nullptr) {
      if (cancel_siblings && !stopped)
        cancel_locked(
            held, group_state::cause::failure, asio::error::operation_aborted);
      return;
    }
  }
  // The child is not counted as ended yet: *this stays.
  (*hook)({index, name != nullptr ? name : "", error});
  if (cancel_siblings)
    cancel(group_state::cause::failure, asio::error::operation_aborted);
}

void group_core::set_error_hook(error_hook hook) {
  std::shared_ptr<const error_hook> set;
  if (hook)
    set = std::make_shared<const error_hook>(std::move(hook));
  counted_lock held(*this);
  rules_->hook.swap(set);
  held.unlock(); // before the old one is destroyed
}

void group_core::fail(const std::exception_ptr& error) noexcept {
  if (!is_outcome(error)) // Else the error is counted.
    record(error, group_error::body, "body", true);
}

void group_core::cancel(group_state::cause why,
                        boost::system::error_code reason) noexcept {
  if (!reason)
    reason = why == group_state::cause::deadline
                 ? asio::error::timed_out
                 : asio::error::operation_aborted;
  counted_lock held(*this);
  cancel_locked(held, why, reason);
}

// Called with the lock held, returns without it. Marks and collects under the
// lock; emits and wakes after it is released.
bool group_core::cancel_locked(counted_lock& held,
                               group_state::cause why,
                               boost::system::error_code reason) noexcept {
  group_queue woken;
  if (!rules_->state.cancel(why, woken)) {
    // Another thread may still be marking the children. When this call returns,
    // all of them are marked, too.
    if (rules_->state.is_cancelled() && !rules_->state.is_joined()) {
      const std::uint32_t children = generation();
      add_ref();
      held.unlock();
      cancel_parts(children, nullptr);
      release();
    }
    return false;
  }
  rules_->reason = reason;
  // release: pairs with is_cancelled().
  cancelled_.store(true, std::memory_order_release);
  cancellable_body* const body = claim_body();
  if (body != nullptr)
    body->announce();
  give_back(woken);
  const std::uint32_t children = generation();
  add_ref(); // The last child may end, and the joiner destroy the group.
  held.unlock();

  complete(woken);
  cancel_parts(children, body);
  release();
  return true;
}

// No lock held, and a reference is.
void group_core::cancel_parts(std::uint32_t generation,
                              cancellable_body* body) noexcept {
  pending_cancels* const outermost = pending_cancels::outermost();
  if (outermost != nullptr) {
    bool is_first = false;
    {
      std::lock_guard held(lock_);
      // Else another thread has it in its list, for an earlier generation.
      is_first = !std::exchange(is_cancel_pending_, true);
    }
    if (is_first) {
      add_ref();
      cancelled_generation_ = generation;
      cancelled_body_ = body;
      outermost->add(*this);
      return;
    }
    cancel_children(generation);
    if (body != nullptr)
      body->cancel(); // *body may be destroyed.
    return;
  }
  const pending_cancels nested;
  cancel_children(generation);
  if (body != nullptr)
    body->cancel();
}

void group_core::cancel_queued() noexcept {
  cancellable_body* const body = cancelled_body_;
  const std::uint32_t generation = cancelled_generation_;
  {
    std::lock_guard held(lock_);
    is_cancel_pending_ = false;
  }
  cancel_children(generation);
  if (body != nullptr)
    body->cancel();
  release();
}

// No lock held. Each child is marked under the lock of its list: a second
// canceller that finds none left knows that the awaits of all see it. A
// reference keeps the child while what it waits for is interrupted. The
// children may end meanwhile, and the group may be joined and reopened:
// children of a later generation are not marked.
void group_core::cancel_children(std::uint32_t generation) noexcept {
  const std::size_t n = lists();
  for (std::size_t i = 0; i != n; ++i) {
    child_list& list = list_of_children(i);
    const auto next = [&]() -> task_core* {
      std::lock_guard held(list.lock);
      if (generation != this->generation())
        return nullptr;
      list.is_cancelled = true;
      return list.tasks.mark_next();
    };
    while (task_core* const child = next()) {
      child->whole().submit();
      child->release();
    }
  }
}

void group_core::set_body(cancellable_body* body) noexcept {
  std::lock_guard held(lock_);
  // relaxed: under the lock.
  body_.store(reinterpret_cast<std::uintptr_t>(body),
              std::memory_order_relaxed);
}

void group_core::attach_body(cancellable_body& body) noexcept {
  // release: a canceller sees the body.
  body_.store(reinterpret_cast<std::uintptr_t>(&body) | unclaimed,
              std::memory_order_release);
}

bool group_core::detach_body() noexcept {
  // relaxed: a body that is claimed waits for its cancellation, which publishes
  // what the canceller did.
  return (body_.exchange(0, std::memory_order_relaxed) & unclaimed) != 0;
}

// Lock held. The body that the caller must announce and cancel. A group_body is
// claimed once: a group that is opened again finds it cancelled.
cancellable_body* group_core::claim_body() noexcept {
  // acquire: pairs with attach_body().
  std::uintptr_t body = body_.load(std::memory_order_acquire);
  if (body == claimed_body)
    return nullptr;
  // If it is detached meanwhile, `body` is null. relaxed: nothing is published.
  if ((body & unclaimed) != 0)
    (void)body_.compare_exchange_strong(body,
                                        claimed_body,
                                        std::memory_order_relaxed,
                                        std::memory_order_relaxed);
  return reinterpret_cast<cancellable_body*>(body & ~unclaimed);
}

void group_core::close() noexcept {
  counted_lock held(*this);
  rules_->state.close();
}

void group_core::cancel_at(clock::time_point deadline) noexcept {
  if (deadline <= clock::now()) {
    cancel(group_state::cause::deadline, {});
    return;
  }
  use_timers().deadline.set(deadline, generation());
}

group_core::timers& group_core::use_timers() noexcept {
  std::lock_guard held(lock_);
  if (!timers_) {
    timers_.emplace(*this);
    // release: publishes them.
    timed_.store(true, std::memory_order_release);
  }
  return *timers_;
}

// Does nothing if the group was reopened since the deadline was set.
void group_core::on_deadline(std::uint32_t generation) noexcept {
  counted_lock held(*this);
  if (generation == this->generation())
    cancel_locked(held, group_state::cause::deadline, asio::error::timed_out);
}

// --- idle, asked to stop, shut down; and open again ---

bool group_core::wait(resting_waiter& w, group_waiter::kind what) noexcept {
  counted_lock held(*this);
  if (what == group_waiter::kind::stopper)
    return rules_->state.wait_stop(w);
  if (rules_->state.wait_idle(w))
    return true;
  lend_permits(w);
  return false;
}

void group_core::request_stop() noexcept {
  counted_lock held(*this);
  request_stop_locked(held);
}

// Called with the lock held, returns without it.
void group_core::request_stop_locked(counted_lock& held) noexcept {
  group_queue woken;
  rules_->state.request_stop(woken);
  // release: what the caller did before is seen by a child that asks.
  stopping_.store(true, std::memory_order_release);
  held.unlock();
  complete(woken); // *this may be destroyed.
}

void group_core::shutdown(clock::duration drain,
                          clock::duration soft) noexcept {
  std::uint32_t plan = 0;
  {
    counted_lock held(*this);
    rules_->state.close();
    if (rules_->state.is_joined() || rules_->state.is_cancelled())
      return;
    plan = ++plan_;
    soft_ = soft;
    // A stage that has begun is not undone.
    if (stage_ == stage::softly)
      drain = soft;
    else
      stage_ = stage::draining;
  }
  if (drain > clock::duration::zero())
    use_timers().stages.set(deadline_after(drain), plan);
  else
    next_stage(plan);
}

// The time of the current stage is over.
void group_core::next_stage(std::uint32_t plan) noexcept {
  counted_lock held(*this);
  if (plan != plan_ || rules_->state.is_joined())
    return;
  if (stage_ == stage::softly || soft_ <= clock::duration::zero()) {
    cancel_locked(held, group_state::cause::deadline, asio::error::timed_out);
    return;
  }
  stage_ = stage::softly;
  const clock::duration soft = soft_;
  // The last child may end, and the joiner destroy the group.
  add_ref();
  request_stop_locked(held);
  use_timers().stages.set(deadline_after(soft), plan);
  release();
}

bool group_core::reopen() noexcept {
  error_record old(0); // destroyed without the lock
  std::exception_ptr join_error;
  {
    counted_lock held(*this);
    if (!rules_->state.is_joined())
      return false;
    rules_->state.reopen();
    rules_->errors.reset(old);
    std::swap(join_error, rules_->join_error);
    // relaxed: seen by cancel_children() under the locks of the lists, by all
    // others under lock_.
    generation_.store(generation() + 1, std::memory_order_relaxed);
    for (std::size_t i = 0; i != lists(); ++i) {
      child_list& list = list_of_children(i);
      std::lock_guard list_held(list.lock);
      list.is_cancelled = false;
    }
    ++plan_;
    stage_ = stage::none;
    rules_->reason = {};
    slots_.reset_peak();
    // relaxed: published by the rules, with all else.
    stopping_.store(false, std::memory_order_relaxed);
    cancelled_.store(false, std::memory_order_relaxed);
    failed_.store(false, std::memory_order_relaxed);
    // begin_end() sets the flag before it cancels the groups: so at least one
    // of them cancels the reopened group.
    if (runtime_.is_stopped())
      cancel_locked(
          held, group_state::cause::outside, asio::error::operation_aborted);
  }
  // acquire: as in handle_gone().
  if (timed_.load(std::memory_order_acquire)) {
    timers_->deadline.clear();
    timers_->stages.clear();
  }
  return true;
}

} // namespace weir::detail
