// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/prelude.hpp>

#include <weir/detail/as_task.hpp>
#include <weir/detail/root_task.hpp>
#include <weir/executor.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include <boost/asio/async_result.hpp>

#include <utility>

namespace weir {

/// Starts `work` on the runtime of `on`, as `asio::co_spawn` does.
///
/// Completion signature: `void(std::exception_ptr, T)`, without the T for
/// void. A `T&` arrives as `T*`; a T that is not default-constructible as
/// `std::optional<T>`. A task that ended by cancellation completes with
/// `operation_aborted`, whatever code its last operation had for it, one that
/// runtime::stop() ended with errc::task_abandoned, one that came after it with
/// errc::runtime_stopped (it was not started), one whose result throws when it
/// is moved with what that threw. At the end of a runtime handlers on its
/// executor still run, before its threads end.
///
/// The task never runs inside this call. Its frame is destroyed before the
/// handler is posted to its associated executor, by default the runtime's.
/// With `asio::detached` an exception is not swallowed: it goes to
/// `runtime_options::on_unhandled`.
///
/// Throws: `std::invalid_argument` for an empty task; `std::bad_alloc`, when
///   the task was not started and the handler is not called.
/// Cancellation: the handler's slot, from any thread, any number of times;
///   terminal, others as the task's filter allows. Before the task's first
///   step, it never starts.
/// Thread safety: any thread.
/// Complexity: constant; a control block and a completion record from a
///   per-thread cache.
template <typename T, typename Token>
auto co_spawn(const executor& on, task<T> work, Token&& token) {
  detail::require_task(work, "weir::co_spawn");
  return asio::async_initiate<Token, typename detail::spawn_signature<T>::type>(
      detail::initiate_spawn(), token, on, std::move(work));
}

/// The same on `on`.
template <typename T, typename Token>
auto co_spawn(runtime& on, task<T> work, Token&& token) {
  return co_spawn(
      on.get_executor(), std::move(work), std::forward<Token>(token));
}

} // namespace weir
