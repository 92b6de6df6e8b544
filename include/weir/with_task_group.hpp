// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/run_scope.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir {

namespace detail {

template <typename T>
struct task_value;
template <typename T>
struct task_value<task<T>> {
  using type = T;
};

template <typename T>
struct awaitable_parts;
template <typename T, typename Executor>
struct awaitable_parts<asio::awaitable<T, Executor>> {
  using value = T;
  using executor = Executor;
};

template <typename Body>
using body_result = std::invoke_result_t<std::decay_t<Body>&, task_group&>;
template <typename Body>
concept task_body = is_task<body_result<Body>>::value;
template <typename Body>
concept awaitable_function = is_awaitable<body_result<Body>>::value;

template <typename T, typename Body>
task<T> run_group(task_group_options options, framed<Body> body) {
  task_core& self = co_await this_core();
  task_group group(group_access::maker(self), options);
  group_body scope(group, self);
  outcome<T> result = co_await outcome_of_body<T>(body, group);
  co_await leave_scope<group_body>(scope);
  (void)settle_body(scope, result);
  co_await group.join(); // Throws the outcome, or unwinds. All ended.
  if (result.has_value())
    co_return result.get();
  // The group's own cancel() ended the body: nothing failed.
  if constexpr (!std::is_void_v<T>) {
    if (self.must_unwind())
      co_await pass_on_stop();
    throw_aborted();
  }
}

} // namespace detail

/// Runs `body(group)` with a new task_group and joins it: however the returned
/// task completes, every child has ended by then.
///
///     co_await weir::with_task_group({.max_in_flight = 64},
///                                    [&](weir::task_group& group) -> ...
///
/// The body runs in the calling task. When the group is cancelled, the body is
/// cancelled like a child. An exception of the body counts as a child's error:
/// the children are cancelled and joined before the exception leaves this
/// function. A body may call join() or shutdown() itself; if the body lets an
/// exception of these through, that is the group's outcome and no further
/// error. Returns what the body returns.
///
/// The body's local variables are destroyed when the body ends, and the
/// children may outlive it: refer from a child only to objects declared outside
/// the body, pass it what it needs by value, or end the body with
/// `co_await group.join()`.
///
/// Throws: `std::invalid_argument` for options that task_group refuses; what
///   task_group::join() throws; `operation_aborted` when the group's own
///   cancel() ended a body that was to return a value.
/// Cancellation: terminal; cancels body and children, joins them, then throws
///   or unwinds.
/// Resumes on: the task's strand.
/// Complexity: two frames and one group, from a per-thread cache.
/// Source: Trio's nursery, Kotlin's `coroutineScope`.
template <detail::task_body Body>
auto with_task_group(task_group_options options, Body&& body) {
  detail::require_safe_callables<Body>();
  using value = typename detail::task_value<detail::body_result<Body>>::type;
  return detail::run_group<value, std::decay_t<Body>>(options,
                                                      std::forward<Body>(body));
}
// For a readable compile error.
template <typename Body>
detail::explained with_task_group(task_group_options, Body&&) {
  detail::explain_body<task_group, Body>();
  return {};
}
template <typename Body>
detail::explained with_task_group(Body&&) {
  detail::explain_no_options<Body>();
  return {};
}

namespace detail {

// Cancels an awaitable body when its group is cancelled. The emission is posted
// to the awaitable's executor, because nothing else synchronises a
// cancellation_signal and the coroutine that listens to it. The object keeps
// itself alive until the posted function has run.
template <typename Executor>
class awaitable_body final
    : public cancellable_body,
      public std::enable_shared_from_this<awaitable_body<Executor>> {
public:
  explicit awaitable_body(Executor ex) : ex_(std::move(ex)) {}

  // On the awaitable's executor.
  asio::cancellation_slot slot() noexcept { return signal_.slot(); }
  void emit(asio::cancellation_type type) { signal_.emit(type); }

private:
  void announce() noexcept override { kept_ = this->shared_from_this(); }
  void cancel() noexcept override {
    auto kept = std::move(kept_);
    asio::post(ex_, [kept] { kept->emit(asio::cancellation_type::terminal); });
  }

  Executor ex_;
  asio::cancellation_signal signal_;
  std::shared_ptr<awaitable_body> kept_; // from announce() to cancel()
};

template <typename T, typename Executor, typename Body>
asio::awaitable<T, Executor> call_awaitable_body(Body& body,
                                                 task_group& group) {
  if constexpr (is_framed<T>)
    co_return held<T>(co_await std::invoke(unframed(body), group));
  else
    co_return co_await std::invoke(unframed(body), group);
}

template <typename T, typename Executor, typename Body>
asio::awaitable<T, Executor> run_group_awaitable(executor on,
                                                 task_group_options options,
                                                 framed<Body> body) {
  task_group group(on, options);
  Executor ex = co_await asio::this_coro::executor;
  awaitable_result<T> result;
  auto cancellable = std::make_shared<awaitable_body<Executor>>(ex);
  const auto outer = co_await asio::this_coro::cancellation_state;
  auto outer_slot = outer.slot();
  if (outer_slot.is_connected())
    outer_slot.assign([cancellable](asio::cancellation_type type) {
      cancellable->emit(type);
    });
  set_body(group, cancellable.get());
  co_await asio::co_spawn(
      ex,
      guard(call_awaitable_body<T, Executor>(body, group), result),
      asio::bind_cancellation_slot(cancellable->slot(),
                                   asio::use_awaitable_t<Executor>()));
  set_body(group, nullptr);
  if (outer_slot.is_connected())
    outer_slot.clear();
  // From here on the wait for the children must not be skipped.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto state = co_await asio::this_coro::cancellation_state;
  const bool cancelled = state.cancelled() != asio::cancellation_type::none;
  if (result.error)
    body_failed(group, result.error, cancelled);
  else if (cancelled)
    body_cancelled(group);
  std::exception_ptr error;
  try {
    co_await group.join();
  } catch (...) {
    error = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (error)
    std::rethrow_exception(error);
  if constexpr (!std::is_void_v<T>) {
    if (!result.value)
      throw_aborted();
    co_return std::move(*result.value);
  }
}

} // namespace detail

/// The same for coroutines of Asio: `body(group)` returns an `asio::awaitable`,
/// on any executor; the children run on `on`.
///
/// The body runs on the awaitable's executor, which must serialise it (a
/// strand, or a context run by one thread), as Asio requires for any coroutine
/// that is cancelled.
///
/// Cancellation: terminal; cancels the children, joins them, then throws.
/// Resumes on: the awaitable's executor.
template <detail::awaitable_function Body>
auto with_task_group(executor on, task_group_options options, Body&& body) {
  detail::require_safe_callables<Body>();
  using parts = detail::awaitable_parts<detail::body_result<Body>>;
  return detail::run_group_awaitable<typename parts::value,
                                     typename parts::executor,
                                     std::decay_t<Body>>(
      std::move(on), options, std::forward<Body>(body));
}
// For a readable compile error.
template <typename Body>
detail::explained with_task_group(executor, task_group_options, Body&&) {
  detail::explain_awaitable_body<task_group, Body>();
  return {};
}

} // namespace weir
