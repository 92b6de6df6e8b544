// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/executor.hpp>

#include <boost/asio/thread_pool.hpp>

#include <chrono>

namespace boost::asio::detail {
class scheduler;
} // namespace boost::asio::detail

namespace weir::detail {

// Asio's handlers of a pool that has no threads, one at a time.
//
// Asio's own scheduler is a service of the pool; the pool's threads run it. No
// public function lets a thread run one handler there and return. This class is
// the only one that uses a class of asio::detail; the suite handler_turns tests
// what it needs of that, with each Boost of ./dev matrix.
//
// Any thread, as the scheduler itself.
class handler_turns final {
public:
  explicit handler_turns(asio::thread_pool& pool);

  // Calls one handler that is ready. False: none is. Throws what the handler
  // throws.
  bool call_one();

  // As call_one(), but waits up to `at_most` in real time for a handler to
  // become ready.
  bool await_one(std::chrono::microseconds at_most);

  // Whether Asio has a handler ready or an operation pending. Precondition: the
  // pool is not stopped.
  bool has_any();

private:
  asio::detail::scheduler& scheduler_;
};

} // namespace weir::detail
