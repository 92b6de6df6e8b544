// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/sync/channel_steps.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/operation.hpp>
#include <weir/send_status.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {
struct channel_access;
}

/// What channel<T>::send() and receive() return.
template <typename T>
using send_operation = operation<detail::send_step<T>>;
template <typename T>
using receive_operation = operation<detail::receive_step<T>>;

/// Carries values of type T from any number of senders to any number of
/// receivers. Each value reaches one receiver, in the order in which the values
/// were sent.
///
///     while (std::optional<job> next = co_await jobs.receive())
///       co_await work_on(std::move(*next));
///
/// It buffers up to `capacity` values. With capacity 0, send() completes when a
/// receiver has the value. Waiting senders and receivers are served first come,
/// first served. A channel is not bound to a runtime.
///
/// An operation that does not have to wait does not suspend. In a cancelled
/// task it throws all the same. After 128 such awaits in a row the task lets
/// others run.
///
/// T may be move-only and not default-constructible; its move constructor must
/// not throw. T may use the channel: a value that is not trivially movable is
/// never moved with a lock held, and no thread blocks until a move in another
/// thread is done. A value can be received, after the values before it, once it
/// was moved into the buffer; its place is free again once it was moved out. A
/// thread that moves a value in or out may also move values for waiting senders
/// and receivers.
///
/// Precondition of the destructor: no sender and no receiver waits. Otherwise
/// it prints a message and calls `std::terminate`. When runtime::stop()
/// destroys the frame that owns the channel, no task waits any more; operations
/// that wait with a token then end as by close(). Values still buffered are
/// destroyed.
///
/// Thread safety: every member from any thread.
/// Source: Go's channels; tokio's `mpsc` for what closing means.
template <typename T>
class channel final {
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>,
                "weir::channel: the values must be objects, and not const: use "
                "a pointer for a reference, std::monostate for void");

public:
  /// Allocates the buffer, once.
  ///
  /// Throws: `std::bad_alloc`, also for a capacity that no memory can hold.
  explicit channel(std::size_t capacity) : core_(capacity) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Sends `value`; waits while the buffer is full, or, with capacity 0, for a
  /// receiver.
  ///
  /// On g++ 12 an aggregate with a destructor cannot be passed as a temporary,
  /// because that compiler destroys it twice inside a co_await expression. Use
  /// emplace(members...), or emplace(std::move(named)).
  ///
  /// Throws: errc::channel_closed after close(), also when close() is called
  ///   while send() waits. The value is then destroyed, as it is when the wait
  ///   is cancelled.
  /// Cancellation: terminal, checked on entry, even when there is room, and
  ///   while waiting; ends with `operation_aborted`, and no receiver gets the
  ///   value. A value that already has a receiver or a place in the buffer is
  ///   sent.
  /// Thread safety: any thread.
  /// Resumes on: the task's strand, or the handler's executor, by default the
  ///   system's.
  /// Complexity: constant; no allocation in a task. T is moved twice.
  send_operation<T> send(T&& value) {
    static_assert(
        detail::safe_argument_in_co_await<T>,
        "g++ 12 destroys an aggregate temporary twice inside a co_await "
        "expression. Give the type a constructor, or use emplace(members...) "
        "or emplace(std::move(named))");
    return send_operation<T>(std::in_place, core_, std::move(value));
  }
  send_operation<T> send(const T& value) requires std::copy_constructible<T> {
    return send_operation<T>(std::in_place, core_, value);
  }

  /// Sends `T(args...)`, which is made before the operation starts.
  template <typename... Args>
  send_operation<T> emplace(Args&&... args) {
    static_assert(std::constructible_from<T, Args...>,
                  "weir::channel::emplace: no value can be made of these "
                  "arguments");
    static_assert((is_safe_argument<Args> && ...),
                  "g++ 12 destroys an aggregate temporary twice inside a "
                  "co_await expression. Give the type a constructor, or name "
                  "the argument and pass it as an lvalue");
    if constexpr (std::constructible_from<T, Args...>)
      return send_operation<T>(
          std::in_place, core_, std::forward<Args>(args)...);
    else
      return detail::explained();
  }

  /// Sends without waiting. Unless the result is `sent`, `value` is unchanged.
  /// The result is `full` also while free places are being filled for senders
  /// that have waited.
  ///
  /// Complexity: constant; no allocation.
  [[nodiscard("a refused value was not sent")]] send_status
  try_send(T&& value) noexcept {
    return core_.try_send(std::move(value));
  }
  [[nodiscard("a refused value was not sent")]] send_status
  try_send(const T& value) requires std::copy_constructible<T> {
    return core_.try_send(T(value));
  }

  /// Waits for the next value. Gives an empty optional when the channel is
  /// closed and everything that was sent has been received. With a token it
  /// completes as `void(error_code, std::optional<T>)`.
  ///
  /// Cancellation: terminal, checked on entry, even when there is a value, and
  ///   while waiting; ends with `operation_aborted`, and no value was taken. A
  ///   value that is already on its way to this receiver arrives in spite of
  ///   the cancellation. If the task is then destroyed (runtime::stop()) or
  ///   unwound, the value is destroyed with it.
  /// Thread safety: any thread.
  /// Resumes on: the task's strand, or the handler's executor, by default the
  ///   system's.
  /// Complexity: constant; no allocation in a task.
  receive_operation<T> receive() noexcept {
    return receive_operation<T>(std::in_place, core_);
  }

  /// Gives the next value if there is one now. A value that another thread is
  /// still moving into the buffer is not there yet, even after close();
  /// receive() waits for it.
  ///
  /// Complexity: constant; no allocation.
  [[nodiscard("the value would be lost")]] std::optional<T>
  try_receive() noexcept {
    return core_.try_receive();
  }

  /// Closes the channel: it accepts no more values. Waiting senders get
  /// errc::channel_closed. Receivers get the values that are buffered or being
  /// moved into the buffer, and then an empty optional. A second call does
  /// nothing.
  ///
  /// Complexity: linear in the waiting operations; no coroutine runs inside
  ///   this call.
  void close() noexcept { core_.close(); }

  [[nodiscard]] bool is_closed() const noexcept { return core_.now().closed; }
  /// Values in the buffer, and those that are being moved into it or out of it.
  [[nodiscard]] std::size_t size() const noexcept { return core_.now().size; }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return core_.capacity();
  }
  /// How many send() and receive() calls wait.
  [[nodiscard]] std::size_t waiting_senders() const noexcept {
    return core_.now().senders;
  }
  [[nodiscard]] std::size_t waiting_receivers() const noexcept {
    return core_.now().receivers;
  }

private:
  friend struct detail::channel_access;

  // An argument of type T is std::move(named): there is no other reason to pass
  // a T.
  template <typename Arg>
  static constexpr bool is_safe_argument =
      std::is_same_v<std::remove_cvref_t<Arg>, T> ||
      detail::safe_argument_in_co_await<Arg>;

  mutable detail::channel_core<T> core_;
};

namespace detail {

struct channel_access {
  template <typename T>
  static channel_core<T>& core(channel<T>& c) noexcept {
    return c.core_;
  }
};

} // namespace detail
} // namespace weir
