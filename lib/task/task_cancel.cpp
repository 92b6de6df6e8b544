// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/cancel_types.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/cancel_scope.hpp>
#include <weir/detail/task/promise.hpp>
#include <weir/detail/task/task_core.hpp>

#include <boost/asio/error.hpp>

// How a cancellation reaches a task. All functions here run on the strand.

namespace weir::detail {

constinit const strand_item_kind task_core::request_kind = {
    &task_core::deliver_request};

void task_core::look() noexcept {
  if (unknown_to_owner_)
    become_known();
  if (is_alerted()) {
    // First, so that a request from here on alerts again.
    calm_down();
    if ((all_types() & end_of_runtime) != 0)
      parks_ = true;
    refresh_interrupted();
  }
}

bool task_core::must_abort() noexcept {
  look();
  return parks_ || (interrupted_ && (throws_ || unwinds_));
}

task_core::verdict task_core::look(bool check) noexcept {
  look();
  if (!parks_ && (!interrupted_ || !check))
    return verdict::go;
  if (parks_ || unwinds_) {
    stopping_ = true;
    return verdict::stopping;
  }
  return throws_ ? verdict::aborted : verdict::go;
}

// Once for each new type of cancellation.
void task_core::interrupt() noexcept {
  const std::uint8_t types = requested() & in_filter_;
  if (waiting_ == nullptr || (types & ~interrupted_with_) == 0)
    return;
  interrupted_with_ |= types;
  waiting_->kind().interrupt(*waiting_);
}

void task_core::deliver_request(strand_item& item, strand_item::how) noexcept {
  auto& self = static_cast<task_core&>(static_cast<cancel_request&>(item));
  const std::uint8_t before = self.types_;
  self.take();
  self.deliver((self.types_ & ~before & end_of_runtime) != 0);
}

// `ends`: the runtime ends. The task may already know that from look(), but
// what it waits for does not.
void task_core::deliver(bool ends) noexcept {
  if (ends)
    parks_ = true;
  refresh_interrupted();
  if (ends && waiting_ != nullptr) {
    // Interrupts again even if the wait was already interrupted: neither a
    // shield, nor a filter, nor children that the task waits for delay this.
    interrupted_with_ = 7;
    waiting_->kind().interrupt(*waiting_);
  } else {
    interrupt();
  }
}

// The types requested of the task and of its open scopes, up to the next
// shield, including those not delivered yet.
std::uint8_t task_core::requested(bool& is_shielded) const noexcept {
  std::uint8_t types = 0;
  for (const cancel_scope* scope = scope_; scope != nullptr;
       scope = scope->outer_) {
    types |= scope->all_types();
    if (scope->is_announced())
      types |= terminal;
    if (scope->kind_ == cancel_scope::kind::shield) {
      is_shielded = true;
      return types;
    }
  }
  return types | all_types();
}

void task_core::submit_end_marks(strand_item* chain) noexcept {
  while (chain != nullptr) {
    auto& task = static_cast<task_core&>(static_cast<cancel_request&>(*chain));
    chain = chain->next;
    task.submit();
    task.release();
  }
}

std::uint8_t task_core::requested() const noexcept {
  bool is_shielded = false;
  return requested(is_shielded);
}

void task_core::refresh_interrupted() noexcept {
  interrupted_ = parks_ || (requested() & in_filter_) != 0;
}

asio::cancellation_type task_core::cancelled() const noexcept {
  bool is_shielded = false;
  std::uint8_t types = requested(is_shielded);
  // A cancelled group requests this of its children too, except of a task that
  // never awaited and so is not listed. If the group refuses something to such
  // a task, this is the reason.
  if (!is_shielded && owner_->is_cancelled())
    types |= terminal;
  return static_cast<asio::cancellation_type>(types & in_filter_);
}

bool task_core::is_shielded() const noexcept {
  for (const cancel_scope* scope = scope_; scope != nullptr;
       scope = scope->outer_)
    if (scope->kind_ == cancel_scope::kind::shield)
      return true;
  return owner_->is_shielded();
}

boost::system::error_code task_owner::cancel_reason() const noexcept {
  return asio::error::operation_aborted;
}

// Of the cancelled scopes that are visible, the outermost gives the reason, as
// it does for what a deadline throws.
boost::system::error_code task_core::cancel_reason() const noexcept {
  if (cancelled() == asio::cancellation_type::none)
    return {};
  const cancel_scope* cause = nullptr;
  const cancel_scope* scope = scope_;
  for (; scope != nullptr; scope = scope->outer_) {
    if (scope->is_requested())
      cause = scope;
    if (scope->kind_ == cancel_scope::kind::shield)
      break;
  }
  const bool is_whole = scope == nullptr && all_types() != 0;
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

asio::cancellation_type task_core::emission() const noexcept {
  if (parks_)
    return asio::cancellation_type::terminal;
  return static_cast<asio::cancellation_type>(requested() & in_filter_ &
                                              out_filter_);
}

void task_core::set_filters(asio::cancellation_type in,
                            asio::cancellation_type out) noexcept {
  in_filter_ = known_types(in);
  out_filter_ = known_types(out);
  refresh_interrupted();
}

bool abort_from(promise_base& p, bool& aborted) noexcept {
  if (p.core()->unwinds() || p.core()->parks()) {
    p.core()->stop();
    return true;
  }
  aborted = true;
  return false;
}

} // namespace weir::detail
