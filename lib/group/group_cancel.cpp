// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/group_error.hpp>

#include "base/thread_context.hpp"
#include "group_core.hpp"
#include "group_lock.hpp"

#include <boost/asio/error.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

// How a group fails, and how it is cancelled.

namespace weir::detail {

void group_core::record(const std::exception_ptr& error,
                        std::uint64_t index,
                        const char* name,
                        bool cancel_siblings) noexcept {
  std::unique_ptr<error_record::node> kept;
  if (errors_.is_collecting()) {
    try {
      kept = std::make_unique<error_record::node>();
      kept->index = index;
      kept->error = error;
      if (name != nullptr)
        kept->name = name;
    } catch (const std::bad_alloc&) {
      kept = nullptr; // Counted, and the first is kept all the same.
    }
  }
  const bool stopped = runtime_.is_stopped();
  std::shared_ptr<const error_hook> hook;
  std::exception_ptr told; // destroyed without the lock
  {
    rules_lock held(*this);
    errors_.add(error, kept);
    told.swap(told_);
    if (!stopped)
      hook = hook_;
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
  rules_lock held(*this);
  hook_.swap(set);
  held.unlock(); // before the old one is destroyed
}

void group_core::fail(const std::exception_ptr& error) noexcept {
  if (!is_outcome(error)) // Else all have ended, and it is counted.
    record(error, group_error::body, "body", true);
}

void group_core::cancel(group_state::cause why,
                        boost::system::error_code reason) noexcept {
  if (!reason)
    reason = why == group_state::cause::deadline
                 ? asio::error::timed_out
                 : asio::error::operation_aborted;
  rules_lock held(*this);
  cancel_locked(held, why, reason);
}

// Enters with the lock held, leaves without. Marks and collects under it;
// emits and wakes after it.
bool group_core::cancel_locked(rules_lock& held,
                               group_state::cause why,
                               boost::system::error_code reason) noexcept {
  group_queue woken;
  if (!state_.cancel(why, woken)) {
    // Another thread may still be telling the children. When this call returns
    // they have been told, too.
    if (state_.is_cancelled() && !state_.is_joined()) {
      const std::uint32_t children = generation();
      add_ref();
      held.unlock();
      tell(children, nullptr);
      release();
    }
    return false;
  }
  reason_ = reason;
  // release: pairs with is_cancelled().
  cancelled_.store(true, std::memory_order_release);
  cancellable_body* const body = body_;
  if (body != nullptr)
    body->announce();
  give_back(woken);
  const std::uint32_t children = generation();
  add_ref(); // The last child may end, and the joiner destroy the group.
  held.unlock();

  complete(woken);
  tell(children, body);
  release();
  return true;
}

struct pending_tells {
  group_core* first = nullptr;
  group_core* last = nullptr;
};

// No lock held, and a reference is. What a child waits for may be the join of
// another group, which is cancelled by the emission; that group then waits in a
// list until the outermost call comes to it. So groups may be nested in any
// depth, and the stack of the thread that cancels is not.
void group_core::tell(std::uint32_t generation,
                      cancellable_body* body) noexcept {
  pending_tells*& pending = own_thread().tells;
  if (pending != nullptr) {
    bool is_first = false;
    {
      std::lock_guard held(lock_);
      // Else it is in the list of another thread, for an earlier use of it.
      is_first = !std::exchange(is_tell_pending_, true);
    }
    if (is_first) {
      add_ref();
      told_generation_ = generation;
      told_body_ = body;
      tell_next_ = nullptr;
      (pending->last != nullptr ? pending->last->tell_next_ : pending->first) =
          this;
      pending->last = this;
      return;
    }
    tell_children(generation);
    if (body != nullptr)
      body->cancel(); // *body may be gone.
    return;
  }
  pending_tells nested;
  pending = &nested;
  tell_children(generation);
  if (body != nullptr)
    body->cancel();
  while (group_core* const group = nested.first) {
    nested.first = group->tell_next_;
    if (nested.first == nullptr)
      nested.last = nullptr;
    cancellable_body* const its_body = group->told_body_;
    const std::uint32_t children = group->told_generation_;
    {
      std::lock_guard held(group->lock_);
      group->is_tell_pending_ = false;
    }
    group->tell_children(children);
    if (its_body != nullptr)
      its_body->cancel();
    group->release();
  }
  pending = nullptr;
}

// No lock held. Each child is marked under the lock of its list: a second
// canceller that finds none left knows that the awaits of all see it. A
// reference keeps the child while what it waits for is interrupted. They may
// end meanwhile, and the group be joined and reopened: others are not told.
void group_core::tell_children(std::uint32_t generation) noexcept {
  for (child_list& list : children_) {
    const auto next = [&]() -> task_core* {
      std::lock_guard held(list.lock);
      if (generation != this->generation())
        return nullptr;
      list.is_told = true;
      while (task_core* const child = list.tasks.tell_next())
        if (child->whole().mark(asio::cancellation_type::terminal)) {
          child->add_ref();
          return child;
        }
      return nullptr;
    };
    while (task_core* const child = next()) {
      child->whole().submit();
      child->release();
    }
  }
}

void group_core::set_body(cancellable_body* body) noexcept {
  rules_lock held(*this);
  body_ = body;
}

void group_core::close() noexcept {
  rules_lock held(*this);
  state_.close();
}

void group_core::cancel_at(clock::time_point deadline) noexcept {
  if (deadline <= clock::now())
    cancel(group_state::cause::deadline, {});
  else
    deadline_.set(deadline, generation());
}

// Does nothing if the group was reopened since it was set.
void group_core::on_deadline(std::uint32_t generation) noexcept {
  rules_lock held(*this);
  if (generation == this->generation())
    cancel_locked(held, group_state::cause::deadline, asio::error::timed_out);
}

} // namespace weir::detail
