// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group_steps.hpp>

#include "group_core.hpp"

namespace weir::detail {

group_body::group_body(task_group& group, task_core& self) noexcept
    : group_(*group.core_), self_(self),
      scope_(self, cancel_scope::kind::open) {
  group_.set_body(this);
}

group_body::~group_body() {
  if (attached_)
    group_.set_body(nullptr);
}

bool group_body::leave() noexcept {
  // From here on no new cancellation is announced to the scope.
  group_.set_body(nullptr);
  attached_ = false;
  return scope_.leave();
}

namespace {

void body_ended(group_core& group,
                const std::exception_ptr& error,
                bool cancelled_outside) noexcept {
  if (!is_aborted(error))
    group.fail(error);
  else if (cancelled_outside)
    group.cancel(group_state::cause::outside, {});
  else if (!group.is_cancelled())
    group.fail(error); // Its own, of nobody's making.
}

} // namespace

void group_body::failed(const std::exception_ptr& error) noexcept {
  body_ended(group_, error, self_.cancelled() != asio::cancellation_type::none);
}

void group_body::stopped() noexcept {
  // A no-op when it was the group that stopped it.
  group_.cancel(group_state::cause::outside, {});
}

void set_body(task_group& group, cancellable_body* body) noexcept {
  group.core_->set_body(body);
}

void body_failed(task_group& group,
                 const std::exception_ptr& error,
                 bool cancelled_outside) noexcept {
  body_ended(*group.core_, error, cancelled_outside);
}

void body_cancelled(task_group& group) noexcept {
  group.core_->cancel(group_state::cause::outside, {});
}

} // namespace weir::detail
