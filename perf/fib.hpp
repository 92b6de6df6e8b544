// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>
#include <weir/when_all.hpp>

#include "asio_groups.hpp"

#include <cstdint>
#include <exception>
#include <tuple>

namespace weir::perf {

/// fib(n) by recursion, a task for each call.
inline task<std::uint64_t> fib_with_when_all(unsigned n) {
  if (n < 2)
    co_return n;
  const std::tuple<std::uint64_t, std::uint64_t> parts =
      co_await when_all(fib_with_when_all(n - 1), fib_with_when_all(n - 2));
  co_return std::get<0>(parts) + std::get<1>(parts);
}

/// The same on bare Asio.
inline asio::awaitable<void>
fib_in_asio(pool_executor ex, unsigned n, std::uint64_t& result) {
  if (n < 2) {
    result = n;
    co_return;
  }
  std::uint64_t parts[2] = {};
  latch ended(ex, 2);
  for (unsigned i = 0; i != 2; ++i)
    asio::co_spawn(ex,
                   fib_in_asio(ex, n - 1 - i, parts[i]),
                   [&ended](const std::exception_ptr&) { ended.count_down(); });
  co_await ended.opened->async_receive(asio::deferred);
  result = parts[0] + parts[1];
}

} // namespace weir::perf
