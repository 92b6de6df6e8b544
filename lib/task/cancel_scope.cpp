// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/cancel_scope.hpp>
#include <weir/detail/task/task_core.hpp>

namespace weir::detail {

constinit const strand_item_kind cancel_scope::item_kind = {
    &cancel_scope::deliver};

void cancel_scope::announce() noexcept {
  // release: with the acquire in leave(), what the announcer did before is seen
  // by the task that leaves.
  announced_.store(true, std::memory_order_release);
  core_.alert();
}

cancel_scope::cancel_scope(task_core& core, kind k) noexcept
    : cancel_request(item_kind), core_(core), outer_(core.scope_), kind_(k) {
  core.scope_ = this;
  if (k == kind::shield) // Nothing was requested of other kinds yet.
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
  const bool announced = is_announced();
  if (kind_ == kind::shield || announced || all_types() != 0)
    core_.refresh_interrupted();
  if (announced && !is_cancelled()) {
    leaving_ = true;
    return false;
  }
  return true;
}

void cancel_scope::break_off() noexcept {
  core_.scope_ = outer_;
  for (unsigned round = 0; is_announced() && !is_cancelled(); ++round) {
    core_.drop_items();
    if (!is_cancelled())
      sync::pause(round);
  }
}

} // namespace weir::detail
