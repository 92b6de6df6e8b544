// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "handler_turns.hpp"

#include <boost/asio/detail/scheduler.hpp>
#include <boost/system/error_code.hpp>

namespace weir::detail {

handler_turns::handler_turns(asio::thread_pool& pool)
    : scheduler_(asio::use_service<asio::detail::scheduler>(pool)) {}

bool handler_turns::call_one() {
  boost::system::error_code ignored;
  return scheduler_.poll_one(ignored) != 0;
}

bool handler_turns::await_one(std::chrono::microseconds at_most) {
  boost::system::error_code ignored;
  return scheduler_.wait_one(static_cast<long>(at_most.count()), ignored) != 0;
}

// Asio's count of work cannot be read, but the scheduler stops when the count
// becomes 0; the pool itself holds one.
bool handler_turns::has_any() {
  scheduler_.work_finished();
  const bool none = scheduler_.stopped();
  scheduler_.work_started();
  if (scheduler_.stopped())
    scheduler_.restart();
  return !none;
}

} // namespace weir::detail
