// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/deadline_scope.hpp>

#include "engine.hpp"

namespace weir::detail {

deadline_scope::deadline_scope(task_core& self,
                               clock::time_point deadline) noexcept
    : timer_function(&deadline_scope::fire), self_(self),
      scope_(self, cancel_scope::kind::deadline) {
  engine::arm(self.runtime(), *this, deadline);
}

deadline_scope::~deadline_scope() {
  if (!armed_)
    return;
  if (!engine::disarm(self_.runtime(), *this))
    scope_.announce();
  scope_.break_off();
}

// A pool thread, no lock held.
void deadline_scope::fire(timer_function& timer) noexcept {
  static_cast<deadline_scope&>(timer).scope_.request(
      asio::cancellation_type::terminal); // *timer may be destroyed.
}

bool deadline_scope::leave() noexcept {
  armed_ = false;
  if (!engine::disarm(self_.runtime(), *this))
    scope_.announce(); // It fires, or has fired.
  return scope_.leave();
}

bool deadline_scope::ended(bool stopped,
                           const std::exception_ptr& error) const noexcept {
  return scope_.is_cancelled() &&
         self_.cancelled() == asio::cancellation_type::none &&
         (stopped || is_aborted(error));
}

} // namespace weir::detail
