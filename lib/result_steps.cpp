// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/result_steps.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace weir::detail {

bool throws_in_spite_of_results(task_group& group, std::exception_ptr& error) {
  if (group.cancel_reason() == asio::error::timed_out) {
    error = std::make_exception_ptr(
        boost::system::system_error(asio::error::timed_out));
    return true;
  }
  return group.stats().failed == 0;
}

} // namespace weir::detail
