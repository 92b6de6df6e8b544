// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_steps.hpp>

#include "group_core.hpp"

namespace weir::detail {

group_body::group_body(task_group& group, task_core& self) noexcept
    : group_(*group.core_), self_(self), scope_(self, group_) {
  group_.attach_body(*this);
}

group_body::~group_body() {
  if (!attached_)
    return;
  detach();
  scope_.break_off();
}

bool group_body::leave() noexcept {
  detach();
  return scope_.leave();
}

// From here on no new cancellation comes to the scope.
void group_body::detach() noexcept {
  attached_ = false;
  if (!group_.detach_body())
    scope_.announce(); // The canceller may not have come so far.
}

namespace {

// The reason of a cancellation from outside.
boost::system::error_code reason_of(const task_core* task) noexcept {
  return task != nullptr ? task->cancel_reason() : boost::system::error_code();
}

// `task` is the task that ran the body, if any. True: the error counts as a
// failure.
bool body_ended(group_core& group,
                const std::exception_ptr& error,
                bool cancelled_outside,
                const task_core* task) noexcept {
  if (is_aborted(error)) {
    if (cancelled_outside) {
      group.cancel(group_state::cause::outside, reason_of(task));
      return false;
    }
    if (group.is_cancelled())
      return false;
  } // Else the body threw it without a cancellation.
  group.fail(error);
  return true;
}

} // namespace

bool group_body::failed(const std::exception_ptr& error) noexcept {
  return body_ended(group_,
                    error,
                    self_.cancelled() != asio::cancellation_type::none,
                    &self_);
}

void group_body::stopped() noexcept {
  // No effect if the group itself stopped the body.
  group_.cancel(group_state::cause::outside, self_.cancel_reason());
}

void set_body(task_group& group, cancellable_body* body) noexcept {
  group.core_->set_body(body);
}

void body_failed(task_group& group,
                 const std::exception_ptr& error,
                 bool cancelled_outside) noexcept {
  (void)body_ended(*group.core_, error, cancelled_outside, current_task());
}

void body_cancelled(task_group& group) noexcept {
  group.core_->cancel(group_state::cause::outside, reason_of(current_task()));
}

} // namespace weir::detail
