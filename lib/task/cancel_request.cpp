// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/cancel_types.hpp>
#include <weir/detail/task/cancel_request.hpp>
#include <weir/detail/task/cancel_scope.hpp>
#include <weir/detail/task/task_core.hpp>

namespace weir::detail {

bool cancel_request::mark(asio::cancellation_type types) noexcept {
  const std::uint8_t wanted = known_types(types);
  if (wanted == 0)
    return false;
  const bool is_task = of_kind == &task_core::request_kind;
  // release: what the canceller wrote, such as a reason, is seen by the task.
  // acquire: a second request must not submit the item before the delivery of
  // the first has read it.
  const std::uint8_t before = requested_.fetch_or(
      is_task ? wanted | alerted : wanted, std::memory_order_acq_rel);
  if ((before & every_request) != 0)
    return false; // *this may be destroyed.
  // A scope is requested once: no other thread submits it meanwhile.
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
  // *this may be destroyed.
}

} // namespace weir::detail
