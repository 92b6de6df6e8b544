// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/start_handshake.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/operation.hpp>
#include <weir/started.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

namespace detail {

// T of the started<T>& that F takes first; F has one signature.
template <typename F>
struct started_value {};
template <typename F>
requires requires { &F::operator(); }
struct started_value<F> : started_value<decltype(&F::operator())> {};
template <typename R, typename T, typename... Args>
struct started_value<R (*)(started<T>&, Args...)> {
  using type = T;
};
template <typename R, typename T, typename... Args>
struct started_value<R (*)(started<T>&, Args...) noexcept> {
  using type = T;
};
template <typename R, typename C, typename T, typename... Args>
struct started_value<R (C::*)(started<T>&, Args...)> {
  using type = T;
};
template <typename R, typename C, typename T, typename... Args>
struct started_value<R (C::*)(started<T>&, Args...) const> {
  using type = T;
};

struct deduce_value;
template <typename T, typename F>
struct start_value {
  using type = T;
};
template <typename F>
struct start_value<deduce_value, F> : started_value<F> {};

template <typename T, typename F, typename... Args>
concept starter = std::is_invocable_v < F,
        started<T>
&, Args... > &&work<std::invoke_result_t<F, started<T>&, Args...>>;

template <typename T, typename... Args>
requires(sizeof...(Args) == 0) void explain_start() {
  static_assert(sizeof...(Args) != 0, "weir::start: the callable is missing");
}
template <typename T, typename F, typename... Args>
void explain_start() {
  using f = std::decay_t<F>;
  if constexpr (is_task<std::remove_cvref_t<F>>::value) {
    static_assert(!is_task<std::remove_cvref_t<F>>::value,
                  "weir::start: the callable is called by weir: pass the "
                  "coroutine function, not the task that it returns");
  } else if constexpr (requires { typename start_value<T, f>::type; }) {
    using value = typename start_value<T, f>::type;
    if constexpr (std::
                      is_invocable_v<f, started<value>&, std::decay_t<Args>...>)
      explain_result<
          std::invoke_result_t<f, started<value>&, std::decay_t<Args>...>>();
    else
      static_assert(has_explained<F>,
                    "weir::start: the callable must take a weir::started<T>& "
                    "first, then the arguments as rvalues");
  } else {
    static_assert(has_explained<F>,
                  "weir::start: the callable must take a weir::started<T>& "
                  "first; if it is a template, name the type, start<T>(...)");
  }
}

struct start_access {
  template <typename T>
  static started<T> make(std::shared_ptr<start_handshake<T>> shake) noexcept {
    return started<T>(std::move(shake));
  }
};

// `f`, `args` and `ready` live in this frame.
template <typename T, typename F, typename... Args>
task<> call_starter(std::shared_ptr<start_handshake<T>> shake,
                    framed<F> f,
                    framed<Args>... args) {
  started<T> ready = start_access::make(std::move(shake));
  (void)co_await std::invoke(
      std::move(unframed(f)), ready, std::move(unframed(args))...);
}

template <typename T>
task<T> run_start(task_group& group,
                  std::shared_ptr<start_handshake<T>> shake,
                  task<> child) {
  co_await group.spawn(std::move(child));
  if constexpr (is_framed<T>)
    co_return held<T>(
        co_await operation<handshake_step<T>>(std::in_place, *shake));
  else
    co_return co_await operation<handshake_step<T>>(std::in_place, *shake);
}

} // namespace detail

/// Spawns `f(ready, args...)` in `group` and waits until the child says that it
/// is up. `ready` is a started<T>&; `ready.set(value)` completes this function
/// with `value`, while the child runs on as any other of the group.
///
///     auto serve = [](weir::started<port>& ready) -> weir::task<> {
///       listener at = bind_any();
///       ready.set(at.port());
///       ...
///     };
///     port at = co_await weir::start(group, serve);
///
/// `T` is deduced if `f` has one signature; otherwise name it:
/// `start<port>(...)`. `f`, `args` and the wait for a slot are treated as by
/// task_group::spawn(); for g++ 12 see there.
///
/// If a child fails before it is up, only the caller gets the error: it is
/// thrown here, unchanged, and the group continues. After set() an error of the
/// child is the group's, as that of any child. If a child is abandoned
/// (errc::task_abandoned) before it is up, both the caller and the group get
/// the error.
///
/// Throws: the child's error; errc::not_started when it returned without
///   set(); what task_group::spawn() throws; `operation_aborted` when the
///   group was cancelled before the child was up; `std::invalid_argument`, at
///   the call, when `f` is empty.
/// Cancellation: terminal; cancels the child, waits until it has ended, then
///   throws `operation_aborted` or unwinds.
/// Thread safety: any thread, while the group is alive.
/// Resumes on: the task's strand.
/// Complexity: constant; one allocation, and four frames from a per-thread
///   cache.
/// Source: Trio's `nursery.start`.
template <typename T = detail::deduce_value, typename F, typename... Args>
requires detail::starter<typename detail::start_value<T, std::decay_t<F>>::type,
                         std::decay_t<F>,
                         std::decay_t<Args>...>
auto start(task_group& group, F&& f, Args&&... args) {
  using value = typename detail::start_value<T, std::decay_t<F>>::type;
  detail::check_call<F, Args...>();
  detail::require_callable(f, "weir::start");
  auto shake = std::make_shared<detail::start_handshake<value>>();
  detail::starting child(
      shake,
      detail::call_starter<value, std::decay_t<F>, std::decay_t<Args>...>(
          shake, std::forward<F>(f), std::forward<Args>(args)...));
  return detail::run_start<value>(
      group, std::move(shake), detail::run_starting(std::move(child)));
}
// For a readable compile error.
template <typename T = detail::deduce_value, typename... Args>
auto start(task_group&, Args&&...) {
  if constexpr (!detail::has_explained<Args...>)
    detail::explain_start<T, Args...>();
  return detail::explained();
}

} // namespace weir
