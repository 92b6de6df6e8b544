// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_wait_step.hpp>
#include <weir/detail/task/abort.hpp>

#include "group_core.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace weir::detail {

group_wait_step::group_wait_step(group_core& group, kind what) noexcept
    : group_(&group) {
  role = what;
}

group_wait_step::group_wait_step(group_wait_step&& other) noexcept
    : coded_operation(other), resting_waiter(), group_(other.group_),
      counted_(std::exchange(other.counted_, false)) {
  role = other.role;
}

group_wait_step::~group_wait_step() {
  if (counted_)
    group_->release();
}

bool group_wait_step::start(waiter& w, task_core* self) noexcept {
  who = &w;
  this->self = self;
  const task_core* caller = self != nullptr ? self : current_task();
  if (role == kind::idler && caller != nullptr && caller->owner() == group_) {
    code_ = errc::would_deadlock;
    return true;
  }
  return group_->wait(*this, role); // When false, *this may be destroyed.
}

bool group_wait_step::on_cancel(waiter&) noexcept {
  if (!group_->withdraw(*this, nullptr))
    return group_core::give_up_permits(*this);
  abort();
  return true;
}

void group_wait_step::keep_alive() noexcept {
  group_->add_ref();
  counted_ = true;
}

void group_wait_step::finish() const {
  if (code_ == errc::would_deadlock)
    throw boost::system::system_error(
        code_,
        "weir::task_group::wait_idle: called by a child of the same group");
  if (code_)
    throw_code(code_);
}

executor group_wait_step::fallback_executor() const noexcept {
  return executor_access::of(group_->runtime());
}

} // namespace weir::detail
