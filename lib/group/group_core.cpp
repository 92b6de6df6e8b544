// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_core.hpp"

#include <weir/detail/base/abandoning.hpp>
#include <weir/detail/task/abort.hpp>

#include "group_lock.hpp"

#include <boost/asio/error.hpp>

#include <cstdio>
#include <exception>
#include <mutex>

namespace weir::detail {

#if !defined(WEIR_SYNC_POLICY)
// Else each group would be an allocation.
static_assert(sizeof(void*) != 8 || sizeof(group_core) <= size_class::largest);
#endif

group_core& group_core::create(runtime_core& runtime,
                               const task_group_options& options,
                               group_kind kind) {
  auto* core = new group_core(runtime, options, kind);
  if (runtime.add_group(*core))
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
      state_(options.max_in_flight, options.max_waiting, permits_.get()),
      errors_(options.errors.collected()) {
  if (permits_ != nullptr)
    (void)slots_.lock(); // For good: counting is not enough.
}

void group_core::release() noexcept {
  // acq_rel: as task_core::release().
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    delete this;
}

void group_core::handle_gone() noexcept {
  deadline_.retire();
  stages_.retire();
  // The end of the runtime knows no order for a group that is in a frame and
  // was made by another task, nor for one that a thread of the user's has.
  if (!is_idle() && (is_abandoning() || runtime_.ends_elsewhere()))
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
  runtime_.remove_group(*this);
  // Here, and not when the last reference goes: it may refer to what ends now.
  std::shared_ptr<const error_hook> hook;
  {
    rules_lock held(*this);
    hook.swap(hook_);
    handle_gone_ = true;
    if (permits_ != nullptr && permits_->is_asking())
      add_ref(); // Dropped with the answer, which is on its way.
  }
  release();
}

// --- join ---

bool group_core::join(resting_waiter& w) noexcept {
  group_queue woken;
  bool joined = false;
  {
    rules_lock held(*this);
    joined = state_.join(w, woken);
    if (!joined)
      lend_permits(w);
  }
  complete(woken); // *this may be gone, when it is not joined.
  return joined;
}

bool group_core::is_joined_by_scope() const noexcept {
  rules_lock held(*this);
  return kind_ != group_kind::bare && body_ == nullptr;
}

std::exception_ptr group_core::outcome() const {
  {
    // All children have ended; the lock only orders a late cancel().
    rules_lock held(*this);
    if (told_ != nullptr)
      return told_;
    if (!errors_.has_error()) {
      held.unlock();
      return broken_off();
    }
  }
  std::exception_ptr error = errors_.get();
  if (!errors_.is_collecting())
    return error;
  const std::exception_ptr mine = error; // Not destroyed under the lock.
  rules_lock held(*this);
  if (told_ == nullptr)
    told_ = error;
  error = told_;
  return error;
}

bool group_core::is_outcome(const std::exception_ptr& error) const noexcept {
  rules_lock held(*this);
  if (!state_.is_joined())
    return false;
  if (errors_.has_error())
    return error == errors_.first() || error == told_;
  return state_.cancelled_by() == group_state::cause::deadline &&
         error == error_of(asio::error::timed_out);
}

std::exception_ptr group_core::broken_off() const {
  rules_lock held(*this);
  switch (state_.cancelled_by()) {
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
  rules_lock held(*this);
  return !errors_.has_error() &&
         state_.cancelled_by() == group_state::cause::outside;
}

bool group_core::has_error() const noexcept {
  rules_lock held(*this);
  return errors_.has_error();
}

bool group_core::is_broken_off_from_outside() const noexcept {
  rules_lock held(*this);
  return state_.cancelled_by() == group_state::cause::outside;
}

// --- the rest ---

void group_core::set_cap(std::size_t cap) noexcept {
  group_queue woken;
  {
    rules_lock held(*this);
    state_.set_cap(cap, woken);
    give_back(woken);
  }
  complete(woken); // *this may be gone.
}

std::size_t group_core::cap() const noexcept {
  rules_lock held(*this);
  return state_.cap();
}

task_group_stats group_core::stats() const noexcept {
  rules_lock held(*this);
  const auto& c = state_.counted();
  return {c.in_flight,
          state_.available(),
          c.waiting,
          c.peak,
          c.spawned,
          c.completed,
          c.failed,
          c.cancelled,
          c.rejected};
}

boost::system::error_code group_core::cancel_reason() const noexcept {
  rules_lock held(*this);
  return reason_;
}

bool group_core::is_idle() const noexcept {
  rules_lock held(*this);
  return state_.is_at_rest();
}

std::size_t group_core::children() const noexcept {
  rules_lock held(*this);
  return state_.children();
}

bool group_core::has_stopper() const noexcept {
  rules_lock held(*this);
  return state_.has_stopper();
}

void group_core::report(std::FILE* out) const noexcept {
  rules_lock held(*this);
  std::fprintf(out,
               "  group %s: %zu tasks in flight, %zu spawns waiting\n",
               name_,
               state_.children(),
               state_.counted().waiting);
  std::size_t named = 0;
  for (child_list& list : children_) {
    std::lock_guard list_held(list.lock);
    list.tasks.for_each([&](const task_core& task) {
      if (task.name == nullptr)
        return;
      std::fprintf(out, "    task %s\n", task.name);
      ++named;
    });
  }
  if (state_.children() > named)
    std::fprintf(out,
                 "    %zu %stasks without a name, or not suspended yet\n",
                 state_.children() - named,
                 named == 0 ? "" : "more ");
}

void group_core::tell_end() noexcept {
  for (child_list& list : children_) {
    strand_item* marked = nullptr;
    {
      std::lock_guard held(list.lock);
      list.tasks.for_each(
          [&](task_core& child) { child.add_end_mark(marked); });
    }
    task_core::submit_end_marks(marked);
  }
}

} // namespace weir::detail
