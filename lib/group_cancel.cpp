// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/group_error.hpp>

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
  {
    rules_lock held(*this);
    errors_.add(error, kept);
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
  if (!state_.cancel(why, woken))
    return false;
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
  tell_children(children);
  if (body != nullptr)
    body->cancel(); // *body may be gone.
  release();
  return true;
}

// No lock held. A reference keeps each child while it is told. They may end
// meanwhile, and the group be joined and reopened: others are not told.
void group_core::tell_children(std::uint32_t generation) noexcept {
  for (child_list& list : children_) {
    const auto next = [&]() -> task_core* {
      std::lock_guard held(list.lock);
      if (generation != this->generation())
        return nullptr;
      list.is_told = true;
      task_core* child = list.tasks.tell_next();
      if (child != nullptr)
        child->add_ref();
      return child;
    };
    while (task_core* child = next()) {
      child->whole().request(asio::cancellation_type::terminal);
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
