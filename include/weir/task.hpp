// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/await_asio.hpp>
#include <weir/detail/task/await_awaitable.hpp>
#include <weir/detail/task/await_foreign.hpp>
#include <weir/detail/task/await_operation.hpp>
#include <weir/detail/task/await_task.hpp>
#include <weir/detail/task/explain.hpp>
#include <weir/detail/task/promise.hpp>
#include <weir/detail/task/this_coro.hpp>
#include <weir/operation.hpp>

#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace weir {

/// A coroutine that starts when it is awaited or spawned, and not before.
///
/// Inside it, `co_await` takes another `task`, any Asio operation made with
/// `asio::deferred` (or any other that is an async operation), an
/// `asio::awaitable`, weir's own operations, and `asio::this_coro::executor`,
/// `cancellation_state`, `reset_cancellation_state(...)`,
/// `throw_if_cancelled(...)`. Results follow `asio::use_awaitable`: a leading
/// `error_code` is thrown as `boost::system::system_error`; with `as_tuple` it
/// is returned.
///
/// Every `co_await` in a cancelled task throws `operation_aborted` (or unwinds
/// the task, see on_cancel), even if its result is ready, until a filter or
/// shield() hides the cancellation. Exceptions: awaits of `asio::this_coro`
/// never throw it; awaits of shield(), finally() and as_stopped() start all the
/// same; join() waits for the children first. What an await took before is
/// kept. After 128 awaits in a row that were ready the task lets others run.
///
/// Unlike in an `asio::awaitable` a cancellation is never forgotten:
/// `reset_cancellation_state` changes the filter, but the task stays cancelled.
/// After `throw_if_cancelled(false)` an operation in a cancelled task is
/// started and cancelled at once; under on_cancel::unwind
/// `throw_if_cancelled(false)` has no effect.
///
/// An awaiter of another library, with or without an `operator co_await`, can
/// be awaited too. No cancellation ends that wait, and the end of a runtime
/// waits for it. Any thread may resume the handle; the task continues on its
/// strand. If the handle is destroyed, the task ends with errc::task_abandoned.
///
/// `T` may be void, a reference, move-only, and not default-constructible. As
/// from a function, only what converts to `T` implicitly may be co_returned. A
/// coroutine that reaches its end without a `co_return` is undefined by the
/// language; here its awaiter gets a `std::logic_error`. Destroying a task that
/// was not started destroys its arguments and nothing else.
///
/// Throws, when it is awaited: `std::invalid_argument` if it is empty; what the
///   coroutine throws.
///
/// Thread safety: distinct objects, safe; one object, one thread. The running
/// coroutine resumes on the runtime's threads, one at a time.
/// Complexity: one frame, taken from a per-thread cache; a chain of any number
/// of synchronous completions uses constant stack.
template <typename T = void>
class [[nodiscard(
    "a task does nothing until it is awaited or spawned")]] task final {
public:
  using value_type = T;

  class promise_type final : public detail::this_coro_transforms,
                             public detail::promise_result<T> {
  public:
    promise_type() noexcept {
      static_assert(alignof(promise_type) <= 2 * sizeof(void*),
                    "promise_base::handle() relies on it");
    }

    task get_return_object() noexcept {
      return task(std::coroutine_handle<promise_type>::from_promise(*this));
    }

    using detail::this_coro_transforms::await_transform;

    template <typename U>
    detail::await_task<U> await_transform(task<U>&& child) {
      return detail::await_task<U>(std::move(child));
    }

    template <typename U, typename Executor>
    auto await_transform(asio::awaitable<U, Executor>&& child) {
      return detail::await_awaitable<U, Executor>(std::move(child));
    }

    template <typename Step>
    detail::await_operation<Step>
    await_transform(operation<Step>&& op) noexcept {
      return detail::await_operation<Step>(std::move(op));
    }

    template <detail::asio_operation Op>
    auto await_transform(Op&& op) noexcept {
      return detail::await_asio<Op>(std::forward<Op>(op));
    }

    // An awaitable that needs to know the task that awaits it. The awaiter is
    // made here, because g++ 12 copies what await_transform() returns by
    // reference.
    template <detail::native_awaitable Awaitable>
    auto await_transform(Awaitable&& awaitable) {
      return std::forward<Awaitable>(awaitable).awaiter();
    }

    template <detail::foreign_awaitable Foreign>
    auto await_transform(Foreign&& awaitable) {
      return detail::await_foreign<Foreign>(std::forward<Foreign>(awaitable));
    }

    template <typename Other>
    detail::explained await_transform(Other&&) const {
      detail::explain_await<Other>();
      return {};
    }
  };

  /// An empty task; another task can be assigned to it.
  task() = default;
  task(const task&) = delete; // a task is awaited or spawned once: move it
  task(task && other) noexcept
      : frame_(std::exchange(other.frame_, nullptr)), name_(other.name_),
        checks_(other.checks_) {}
  task& operator=(task&& other) noexcept {
    task moved(std::move(other));
    std::swap(frame_, moved.frame_);
    std::swap(name_, moved.name_);
    std::swap(checks_, moved.checks_);
    return *this;
  }
  ~task() {
    if (frame_)
      frame_.destroy();
  }

  // For a readable compile error: an asio::awaitable awaits what converts to
  // this.
  template <std::same_as<asio::this_coro::reset_cancellation_state_0_t> Tag>
  operator Tag() const noexcept {
    static_assert(
        !std::same_as<Tag, asio::this_coro::reset_cancellation_state_0_t>,
        "an asio::awaitable cannot await a weir::task itself: use "
        "co_await weir::co_spawn(ex, task, asio::use_awaitable), with "
        "the executor of a weir::runtime");
    return {};
  }

  /// True unless it was default-constructed or moved from.
  explicit operator bool() const noexcept { return frame_ != nullptr; }

private:
  template <typename>
  friend class detail::await_task;
  friend struct detail::task_access;

  explicit task(std::coroutine_handle<promise_type> frame) noexcept
      : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
  const char* name_ = nullptr;
  bool checks_ = true; // awaiting it is a cancellation point
};

} // namespace weir
