// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/group/spawn_call.hpp>
#include <weir/detail/task/abort.hpp>

#include "group_core.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace weir::detail {

spawn_status
reserve(group_core& group, std::uint64_t& index, std::size_t weight) noexcept {
  return group.reserve(index, weight);
}
void unreserve(group_core& group, std::size_t weight) noexcept {
  group.unreserve(weight);
}
void launch_reserved(group_core& group,
                     unstarted child,
                     std::uint64_t index,
                     std::size_t weight) {
  group.launch_reserved(child, index, weight);
}
std::size_t
require_weight(const group_core& group, std::size_t weight, const char* who) {
  group.require_weight(weight, who);
  return weight;
}

// --- spawn ---

spawn_step::spawn_step(group_core& group, unstarted child)
    : group_(&group), child_(group.make_child(child)) {}

spawn_step::spawn_step(spawn_step&& other) noexcept
    : group_(other.group_), child_(std::exchange(other.child_, nullptr)),
      counted_(std::exchange(other.counted_, false)), refused_(other.refused_) {
  index = other.index;
}

// With a child that was never launched, or a reference.
void spawn_step::give_up() noexcept {
  if (child_ != nullptr)
    group_core::discard_child(child_);
  if (counted_)
    group_->release();
}

bool spawn_step::start(waiter& w, task_core* self) noexcept {
  who = &w;
  parent_ = self != nullptr ? self : current_task();
  return ask(self != nullptr);
}

bool spawn_step::start_for_others(waiter& w) noexcept {
  who = &w;
  return ask(false);
}

bool spawn_step::ask(bool parent_awaits) noexcept {
  switch (group_->spawn(*this, parent_, parent_awaits)) {
  case group_state::admission::started:
    return true;
  case group_state::admission::cancelled:
    refused_ = refusal::cancelled;
    return true;
  case group_state::admission::closed:
    refused_ = refusal::closed;
    return true;
  case group_state::admission::overloaded:
    refused_ = refusal::overloaded;
    return true;
  case group_state::admission::lent:
  case group_state::admission::queued:
  case group_state::admission::full: // Never, with a waiter.
    break;
  }
  return false; // *this may be destroyed.
}

bool spawn_step::on_cancel(waiter&) noexcept {
  if (!group_->withdraw(*this, parent_))
    return false;
  if (role == kind::spawner)
    abort();
  return true;
}

void spawn_step::returned() noexcept {
  if (role == kind::lender)
    parent_->lends = false;
  if (state == wait_result::restored)
    parent_->add_permits(static_cast<std::uint32_t>(index + 1));
}

void spawn_step::keep_alive() noexcept {
  group_->add_ref();
  counted_ = true;
}

boost::system::error_code spawn_step::code() const noexcept {
  if (state == wait_result::oversized)
    return errc::over_capacity;
  if (ended_by_cancel())
    return asio::error::operation_aborted;
  switch (refused_) {
  case refusal::closed:
    return errc::group_closed;
  case refusal::overloaded:
    return errc::overloaded;
  case refusal::cancelled:
  case refusal::none:
    break;
  }
  return {};
}

void spawn_step::fail() const { throw_code(code()); }

executor spawn_step::fallback_executor() const noexcept {
  return executor_access::of(group_->runtime());
}

void start_all(std::vector<spawn_step>& children) noexcept {
  waiter nobody([](waiter&) noexcept {});
  for (spawn_step& child : children)
    (void)child.start_for_others(nobody);
}

// --- join ---

join_step::join_step(group_core& group) noexcept : group_(&group) {}

join_step::join_step(group_core& group, const shutdown_options& grace) noexcept
    : group_(&group), shuts_down_(true), grace_(grace) {}

join_step::join_step(join_step&& other) noexcept
    : group_(other.group_), counted_(std::exchange(other.counted_, false)),
      deadlock_(other.deadlock_), shuts_down_(other.shuts_down_),
      grace_(other.grace_) {}

join_step::~join_step() {
  if (counted_)
    group_->release();
}

bool join_step::start(waiter& w, task_core* self) noexcept {
  who = &w;
  const task_core* caller = self != nullptr ? self : current_task();
  if (caller != nullptr && caller->owner() == group_) {
    deadlock_ = true;
    return true;
  }
  this->self = self;
  if (shuts_down_)
    group_->shutdown(grace_.drain, grace_.soft);
  return group_->join(*this); // When false, *this may be destroyed.
}

bool join_step::on_cancel(waiter&) noexcept {
  const bool is_task = self != nullptr;
  group_->cancel(group_state::cause::outside,
                 is_task ? self->cancel_reason() : boost::system::error_code());
  // A handler's step may be destroyed: the last child has completed it, or
  // will.
  return is_task && group_core::give_up_permits(*this);
}

bool join_step::withdraw(waiter&) noexcept {
  return group_core::give_up_permits(*this) || group_->withdraw(*this, nullptr);
}

void join_step::keep_alive() noexcept {
  group_->add_ref();
  counted_ = true;
}

void join_step::abort() noexcept { aborted_ = !group_->is_joined_by_scope(); }

bool join_step::ended_by_cancel() const noexcept {
  return !deadlock_ &&
         (group_->ended_by_outside() || (aborted_ && !group_->has_error()));
}

std::tuple<std::exception_ptr> join_step::arguments() {
  if (deadlock_)
    return {std::make_exception_ptr(boost::system::system_error(
        errc::would_deadlock,
        shuts_down_
            ? "weir::task_group::shutdown: called by a child of the same group"
            : "weir::task_group::join: called by a child of the same group"))};
  try {
    std::exception_ptr error = group_->outcome();
    if (!error && aborted_)
      error = error_of(asio::error::operation_aborted);
    return {std::move(error)};
  } catch (...) {
    return {std::current_exception()};
  }
}

void join_step::finish() {
  if (std::exception_ptr error = std::get<0>(arguments()))
    std::rethrow_exception(std::move(error));
}

executor join_step::fallback_executor() const noexcept {
  return executor_access::of(group_->runtime());
}

} // namespace weir::detail
