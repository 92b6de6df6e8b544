// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/executor.hpp>

#include <boost/core/demangle.hpp>

#include <stdexcept>
#include <string>

namespace weir::detail {

void throw_foreign_executor(bool is_empty, const char* held) {
  std::string message = "weir::executor: the any_io_executor holds ";
  if (is_empty)
    message += "nothing";
  else if (held == nullptr)
    message += "a foreign executor";
  else
    message += boost::core::demangle(held);
  message += ", must hold the executor of a weir runtime or of a task on one; "
             "make the socket or timer it came from with get_executor() of the "
             "runtime";
  throw std::invalid_argument(message);
}

} // namespace weir::detail
