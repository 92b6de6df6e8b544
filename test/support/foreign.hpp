// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <utility>

namespace weir::test {

/// Runs a coroutine of Asio's on an io_context of its own, in the calling
/// thread.
template <typename T>
T run_foreign(boost::asio::awaitable<T> work) {
  boost::asio::io_context context(1);
  auto result =
      boost::asio::co_spawn(context, std::move(work), boost::asio::use_future);
  context.run();
  return result.get();
}

} // namespace weir::test
