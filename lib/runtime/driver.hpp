// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <exception>

namespace weir::detail {

// Stands in for the threads of a runtime's pool, which then has none: the
// thread that calls run() is the only worker. The test runtime's is
// testing/deterministic_driver.hpp.
//
// Members without a thread note belong to the thread that runs.
class driver {
public:
  driver() = default;
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;
  virtual ~driver() = default;

  // Any thread. True if the calling thread is the one that runs.
  virtual bool is_here() const noexcept = 0;

  // Runs until `done`, or until the runtime is stopped. Throws the error that
  // stops it earlier, and exceptions that escape a handler or a detached task.
  virtual void run(const bool& done) = 0;

  // Any thread. Work that weir does not run has begun, and will end a wait; or
  // it has ended.
  virtual void outside_began() noexcept = 0;
  virtual void outside_ended() noexcept = 0;

  // An exception escaped a detached task: run() throws it.
  virtual void failed(const std::exception_ptr& error) noexcept = 0;

  // The runtime's destructor: cancels all tasks and runs until they have ended.
  // Gives up, with a message, where run() would throw.
  virtual void shut_down() noexcept = 0;

  // The runtime is stopped: runs until it is over. False: it gave up, with a
  // message.
  virtual bool finish() noexcept = 0;
};

} // namespace weir::detail
