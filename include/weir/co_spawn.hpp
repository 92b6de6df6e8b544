// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/detail/task/root_task.hpp>
#include <weir/executor.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include <boost/asio/async_result.hpp>

#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

template <typename On>
concept spawns_on = std::is_convertible_v<On, const executor&> ||
    std::is_convertible_v<On, runtime&>;

// Arguments that neither co_spawn() nor Asio's co_spawn() takes. An unqualified
// call may mean either of them.
template <typename On, typename Work, typename... Token>
concept mistaken_co_spawn = (is_task<std::remove_cvref_t<Work>>::value ||
                             (spawns_on<On> &&
                              !is_awaitable<std::remove_cvref_t<Work>>::value &&
                              !gives_awaitable<Work>)) &&
                            !(spawns_on<On> && is_task<Work>::value &&
                              sizeof...(Token) == 1);

} // namespace detail

/// Starts `work` on the runtime of `on`, as `asio::co_spawn` does.
///
/// Completion signature: `void(std::exception_ptr, T)`, without the T for void.
/// A `T&` arrives as `T*`, a T that is not default-constructible as
/// `std::optional<T>`. Special cases of the exception:
/// - `operation_aborted` for a task that ended by cancellation, whatever code
///   its last operation had for it;
/// - errc::task_abandoned for a task that runtime::stop() ended;
/// - errc::runtime_stopped for a task that was spawned after stop(): it was not
///   started;
/// - what the result threw when it was moved.
///
/// At the end of a runtime, handlers on its executor still run before its
/// threads end.
///
/// The task never runs inside this call. Its frame is destroyed before the
/// handler is posted to its associated executor, by default the runtime's.
/// With `asio::detached` an exception is not swallowed: it goes to
/// `runtime_options::on_unhandled`.
///
/// Throws: `std::invalid_argument` for an empty task; `std::bad_alloc`: then
///   the task was not started and the handler is not called.
/// Cancellation: by the handler's slot, from any thread, any number of times;
///   terminal, other types as the task's filter allows. A task that is
///   cancelled before its first step never starts.
/// Thread safety: any thread.
/// Complexity: constant; a control block and a completion record from a
///   per-thread cache.
template <typename T, typename Token>
auto co_spawn(const executor& on, task<T> work, Token&& token) {
  detail::require_task(work, "weir::co_spawn");
  return asio::async_initiate<Token, typename detail::spawn_signature<T>::type>(
      detail::initiate_spawn(), token, on, std::move(work));
}

/// The same on the runtime `on`.
template <typename T, typename Token>
auto co_spawn(runtime& on, task<T> work, Token&& token) {
  return co_spawn(
      on.get_executor(), std::move(work), std::forward<Token>(token));
}
// For a readable compile error.
template <typename On, typename Work, typename... Token>
requires detail::mistaken_co_spawn<On, Work, Token...>
auto co_spawn(On&&, Work&&, Token&&...) {
  if constexpr (!detail::spawns_on<On>)
    static_assert(detail::spawns_on<On>,
                  "weir::co_spawn: the first argument must be a weir::runtime "
                  "or its executor");
  else if constexpr (!detail::is_task<Work>::value)
    detail::explain_work<Work>();
  else
    static_assert(sizeof...(Token) == 1,
                  "weir::co_spawn: one completion token comes last, as "
                  "asio::detached or asio::use_future");
  return detail::explained();
}

} // namespace weir
