// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_access.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/task_core.hpp>

#include "group_core.hpp"

#include <boost/asio/error.hpp>

#include <cstdio>
#include <exception>

namespace weir::detail {

bool runs_in(const group_core& group, const task_core* self) noexcept {
  const task_core* const caller = self != nullptr ? self : current_task();
  return caller != nullptr && caller->owner() == &group;
}

void object_gone(const group_core& group,
                 bool waited_on,
                 const char* message) noexcept {
  if (!waited_on || group.runtime().is_stopped())
    return;
  std::fputs(message, stderr);
  std::terminate();
}

std::exception_ptr aborted_error() {
  return error_of(asio::error::operation_aborted);
}

} // namespace weir::detail
