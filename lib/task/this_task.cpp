// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/task_core.hpp>
#include <weir/this_task.hpp>

namespace weir {

boost::system::error_code this_task::cancel_reason() noexcept {
  const detail::task_core* const task = detail::current_task();
  return task != nullptr ? task->cancel_reason() : boost::system::error_code();
}

} // namespace weir
