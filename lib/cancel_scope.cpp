// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/cancel_scope.hpp>
#include <weir/detail/cancel_types.hpp>
#include <weir/detail/task_core.hpp>

namespace weir::detail {

bool cancel_request::mark(asio::cancellation_type types) noexcept {
  const std::uint8_t wanted = known_types(types);
  if (wanted == 0)
    return false;
  const bool is_task = of_kind == &task_core::request_kind;
  // release: what the canceller wrote, a reason say, is seen by the task.
  // acquire: a second request must not submit the item before the delivery of
  // the first has read it.
  const std::uint8_t before = requested_.fetch_or(
      is_task ? wanted | alerted : wanted, std::memory_order_acq_rel);
  if ((before & every_request) != 0)
    return false; // *this may be gone.
  // A scope is requested once: nobody else submits it meanwhile.
  if (!is_task)
    static_cast<cancel_scope&>(*this).core_.alert();
  return true;
}

bool cancel_request::mark_end() noexcept {
  // acq_rel: as mark().
  const std::uint8_t before =
      requested_.fetch_or(end_of_runtime | alerted, std::memory_order_acq_rel);
  return (before & every_request) == 0;
}

void cancel_request::submit() noexcept {
  if (of_kind == &task_core::request_kind)
    static_cast<task_core&>(*this).emit(*this);
  else
    static_cast<cancel_scope&>(*this).core_.emit(*this);
  // *this may be gone.
}

constinit const strand_item_kind cancel_scope::item_kind = {
    &cancel_scope::deliver};

void cancel_scope::announce() noexcept {
  // release: with the acquire in leave(), whatever the announcer did before
  // is seen by the task that leaves.
  announced_.store(true, std::memory_order_release);
  core_.alert();
}

cancel_scope::cancel_scope(task_core& core, kind k) noexcept
    : cancel_request(item_kind), core_(core), outer_(core.scope_), kind_(k) {
  core.scope_ = this;
  if (k == kind::shield) // Nothing was requested of the others yet.
    core.refresh_interrupted();
}

// Also when it is dropped: the task that leaves the scope waits for it.
void cancel_scope::deliver(strand_item& item, strand_item::how) noexcept {
  auto& self = static_cast<cancel_scope&>(static_cast<cancel_request&>(item));
  self.take();
  self.core_.deliver(false);
  if (self.leaving_)
    self.core_.go_on();
}

bool cancel_scope::leave() noexcept {
  core_.scope_ = outer_;
  // acquire: pairs with announce().
  const bool is_announced = announced_.load(std::memory_order_acquire);
  if (kind_ == kind::shield || is_announced || all_types() != 0)
    core_.refresh_interrupted();
  if (is_announced && !is_cancelled()) {
    leaving_ = true;
    return false;
  }
  return true;
}

void cancel_scope::break_off() noexcept {
  core_.scope_ = outer_;
  // acquire: pairs with announce().
  for (unsigned round = 0;
       announced_.load(std::memory_order_acquire) && !is_cancelled();
       ++round) {
    core_.drop_items();
    if (!is_cancelled())
      sync::pause(round);
  }
}

} // namespace weir::detail
