// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/promise.hpp>
#include <weir/error.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <coroutine>
#include <utility>

namespace weir {

/// What checkpoint() returns.
class [[nodiscard("await it")]] checkpoint_operation final
    : public detail::native_awaitable_tag,
      private detail::interruptible {
public:
  using signature = void(boost::system::error_code);

  checkpoint_operation() noexcept : interruptible(kind) {}
  // A new object: a copy would read members that were just written one by one,
  // which stalls the processor.
  checkpoint_operation awaiter() const noexcept { return {}; }

  /// Started with a token, or awaited in an `asio::awaitable`, it posts the
  /// handler to the handler's executor.
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) const {
    return asio::async_initiate<Token, signature>(
        [](auto handler) {
          auto ex = asio::get_associated_executor(handler);
          asio::post(ex, [handler = std::move(handler)]() mutable {
            std::move(handler)(boost::system::error_code());
          });
        },
        token);
  }

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    core_ = h.promise().core();
    switch (core_->begin_wait(*this)) {
    case detail::task_core::verdict::go:
      core_->yield();
      return true;
    case detail::task_core::verdict::aborted:
      aborted_ = true;
      return false;
    case detail::task_core::verdict::stopping:
      break;
    }
    return true;
  }
  void await_resume() const {
    if (aborted_)
      detail::throw_aborted();
  }

private:
  // On the strand, when the task is resumed.
  static void interrupt(detail::interruptible & i) noexcept {
    auto& self = static_cast<checkpoint_operation&>(i);
    self.aborted_ = true;
    self.core_->finish_wait(true);
  }

  static constexpr detail::wait_kind kind = {{nullptr},
                                             &checkpoint_operation::interrupt,
                                             "a checkpoint"}; // not queued

  detail::task_core* core_ = nullptr;
  bool aborted_ = false;
};

/// Lets other ready tasks, timers and Asio handlers run, and is a cancellation
/// point. Use it in loops without an await, which compute or read files:
/// without it they neither share the thread nor notice a cancellation. A loop
/// that awaits something does both by itself, even if what it awaits is always
/// ready.
///
/// Cancellation: terminal, checked on entry and on the way out;
///   `operation_aborted`.
/// Resumes on: the task's strand, after what was ready before it.
/// Complexity: constant; no allocation.
/// Source: Trio's `checkpoint`.
inline checkpoint_operation checkpoint() noexcept { return {}; }

} // namespace weir
