// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/cancel_scope.hpp>
#include <weir/detail/task_core.hpp>

namespace weir::detail {

void cancel_request::request(asio::cancellation_type types) noexcept {
  // release: what the canceller wrote, a reason say, is seen by the task.
  // acquire: a second request must not submit the item before the delivery of
  // the first has read it.
  if (requested_.fetch_or(static_cast<std::uint8_t>(types),
                          std::memory_order_acq_rel) != 0)
    return; // *this may be gone.
  if (of_kind == &task_core::request_kind)
    static_cast<task_core&>(*this).emit(*this);
  else
    static_cast<cancel_scope&>(*this).core_.emit(*this);
  // *this may be gone.
}

constinit const strand_item_kind cancel_scope::item_kind = {
    &cancel_scope::deliver};

cancel_scope::cancel_scope(task_core& core, kind k) noexcept
    : cancel_request(item_kind), core_(core), outer_(core.scope_), kind_(k) {
  core.scope_ = this;
  core.refresh_interrupted();
}

void cancel_scope::deliver(strand_item& item, strand_item::how how) noexcept {
  if (how == strand_item::how::drop)
    return;
  auto& self = static_cast<cancel_scope&>(static_cast<cancel_request&>(item));
  self.take();
  self.core_.deliver();
  if (self.leaving_)
    self.core_.resume_leaf();
}

bool cancel_scope::leave() noexcept {
  core_.scope_ = outer_;
  core_.refresh_interrupted();
  // acquire: pairs with announce().
  if (announced_.load(std::memory_order_acquire) && !is_cancelled()) {
    leaving_ = true;
    return false;
  }
  return true;
}

} // namespace weir::detail
