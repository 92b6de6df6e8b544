// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "until.hpp"

#include <atomic>
#include <coroutine>
#include <utility>

namespace weir::test {

/// An event of a library that does not know weir: the thread that rings resumes
/// the one coroutine that waits.
class bell final {
public:
  class awaiter {
  public:
    explicit awaiter(bell& of) noexcept : bell_(of) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept {
      bell_.waiter_.store(h.address()); // *this may be destroyed.
    }
    int await_resume() const noexcept { return ++bell_.heard_; }

  private:
    bell& bell_;
  };
  awaiter operator co_await() noexcept { return awaiter(*this); }

  bool is_awaited() const noexcept { return waiter_ != nullptr; }
  int heard() const noexcept { return heard_; }

  /// Any thread; blocks until a coroutine waits.
  void ring() { take().resume(); }
  /// The same, but destroys the coroutine, as a library may do when it shuts
  /// down.
  void destroy_waiter() { take().destroy(); }

private:
  std::coroutine_handle<> take() {
    block_until([&] { return is_awaited(); });
    return std::coroutine_handle<>::from_address(waiter_.exchange(nullptr));
  }

  std::atomic<void*> waiter_{nullptr};
  std::atomic<int> heard_{0};
};

} // namespace weir::test
