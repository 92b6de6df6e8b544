// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/this_task.hpp>

#include "group/group_core.hpp"

#include <boost/asio/error.hpp>

namespace weir {

boost::system::error_code this_task::cancel_reason() noexcept {
  const detail::task_core* const task = detail::current_task();
  return task != nullptr ? task->cancel_reason() : boost::system::error_code();
}

namespace detail {

boost::system::error_code task_owner::cancel_reason() const noexcept {
  return asio::error::operation_aborted;
}

// Of the cancelled scopes that are visible, the outermost counts, as it does
// for what a deadline throws.
boost::system::error_code task_core::cancel_reason() const noexcept {
  if (cancelled() == asio::cancellation_type::none)
    return {};
  const cancel_scope* cause = nullptr;
  const cancel_scope* scope = scope_;
  for (; scope != nullptr; scope = scope->outer_) {
    if (scope->is_cancelled())
      cause = scope;
    if (scope->kind_ == cancel_scope::kind::shield)
      break;
  }
  const bool is_whole = scope == nullptr && is_cancelled();
  boost::system::error_code reason;
  if (cause == nullptr || is_whole || unknown_to_owner_)
    reason = owner_->cancel_reason();
  else if (cause->kind_ == cancel_scope::kind::deadline)
    reason = asio::error::timed_out;
  else if (cause->kind_ == cancel_scope::kind::body)
    reason = static_cast<const body_scope*>(cause)->group().cancel_reason();
  if (!reason)
    reason = asio::error::operation_aborted;
  return reason;
}

} // namespace detail
} // namespace weir
