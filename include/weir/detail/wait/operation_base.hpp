// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>

namespace weir::detail {

namespace asio = boost::asio;

// What each operation derives from, and what most need not write: a step only
// has to say how it starts, how it is cancelled, and what it gives.
//
// A step is moved only before it is started. It is a class with
//   using signature;                       completion signature for tokens
//   bool start(waiter&, task_core* self)   true: completed at once
//   bool on_cancel(waiter&)                true: withdrawn, and abort() was
//                                          called; false: completion follows
//   bool withdraw(waiter&)                 only if it waits for the end of
//                                          tasks, at the end of the runtime:
//                                          as on_cancel(), but does not wait
//                                          for them
//   void keep_alive()                      own what the waiter may outlive
//   void abort()                           the outcome is operation_aborted;
//                                          of one that starts_cancelled and was
//                                          complete at once: unless it failed
//   bool ended_by_cancel() const           finish() would throw that
//   auto finish()                          result for a task; may throw
//   auto arguments()                       tuple of completion arguments
//   auto fallback_executor()               where a handler goes by default
//   static constexpr bool starts_cancelled start even in a cancelled task
//   static constexpr bool yields           let others run if many are ready;
//                                          then also:
//   bool is_of_many() const                it made one task of many ready
//
// One with `task_core* waiting_task()`, its task once it is started, takes no
// waiter and calls task_core::end_wait() instead.
class operation_base {
public:
  static constexpr bool starts_cancelled = false;
  static constexpr bool yields = false;

  void keep_alive() noexcept {}
  asio::system_executor fallback_executor() const noexcept { return {}; }
};

// An operation that a cancellation ends with a code, as most do.
class coded_operation : public operation_base {
public:
  void abort() noexcept { code_ = asio::error::operation_aborted; }
  bool ended_by_cancel() const noexcept {
    return code_ == asio::error::operation_aborted;
  }

protected:
  boost::system::error_code code_; // how it ended
};

} // namespace weir::detail
