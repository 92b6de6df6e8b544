// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/sync/flight.hpp>
#include <weir/detail/sync/flight_step.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/executor.hpp>
#include <weir/flight_result.hpp>
#include <weir/operation.hpp>
#include <weir/runtime.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

/// At most one call for each key at a time: a caller that asks for a key that
/// is being fetched waits for that call, and shares its result.
///
///     weir::single_flight<std::string, page> pages(runtime);
///     auto result = co_await pages.run(url, fetch, url);
///
/// A call is a task of its own on the runtime, not a part of the task that
/// asked first: when that task is cancelled, the other callers get their result
/// all the same. The call is cancelled when the last caller that waits for it
/// leaves. So `f` must not refer to objects of the caller.
///
/// `Value` may be void, move-only and not default-constructible, but not a
/// reference. `Hash` and `Equal` are called under a lock: they must not use the
/// single_flight.
///
/// Precondition of the destructor: no call is in flight, so no caller waits.
/// Otherwise it prints a message and calls `std::terminate`, unless the runtime
/// was stopped. At the end of the runtime the frames of the calls are destroyed
/// before that of the task that made the single_flight.
///
/// Thread safety: every member from any thread.
/// Source: Go's singleflight; differences: a cancelled caller does not affect
///   the others, and an error in one call is an exception in all callers that
///   waited for it.
template <typename Key,
          typename Value,
          typename Hash = std::hash<Key>,
          typename Equal = std::equal_to<Key>>
class single_flight final {
  static_assert(!std::is_reference_v<Value>,
                "weir::single_flight: the value is shared, so it must be an "
                "object");
  using table = detail::flight_table<Key, Value, Hash, Equal>;

public:
  /// Calls run on the runtime of `ex`.
  explicit single_flight(const executor& ex, Hash hash = {}, Equal equal = {})
      : table_(std::make_shared<table>(detail::executor_access::runtime(ex),
                                       std::move(hash),
                                       std::move(equal))) {}
  explicit single_flight(runtime& on, Hash hash = {}, Equal equal = {})
      : single_flight(on.get_executor(), std::move(hash), std::move(equal)) {}
  single_flight(const single_flight&) = delete;
  single_flight& operator=(const single_flight&) = delete;
  ~single_flight() { table_->handle_gone(); }

  /// Waits for the call for `key`; if there is none, starts one that awaits
  /// `f(args...)`. Gives a flight_result<Value>.
  ///
  /// `key`, `f` and `args` are decay-copied. If another caller's call is joined
  /// they are destroyed unused. g++ 12: see task_group::spawn().
  ///
  /// Throws: `std::invalid_argument` when `f` is empty. In the operation: what
  ///   the call threw, the same exception object for all callers that waited;
  ///   errc::would_deadlock when the call for `key` itself asks for `key`;
  ///   errc::runtime_stopped.
  /// Cancellation: terminal, checked on entry and while waiting. If other
  ///   callers wait, this one leaves the call to them at once with
  ///   `operation_aborted`. The last caller cancels the call and waits for its
  ///   end; if a result comes all the same, the caller gets it. A run() in the
  ///   meantime starts a new call.
  /// Thread safety: any thread, also from within a call for another key.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; the first caller allocates the call and its entry,
  ///   waiting allocates nothing.
  template <typename K, typename F, typename... Args>
  requires std::is_constructible_v<Key, K&&> && detail::work_factory<F, Args...>
  auto run(K&& key, F&& f, Args&&... args) {
    using step =
        detail::flight_step<table, std::decay_t<F>, std::decay_t<Args>...>;
    detail::require_safe_callables<F>();
    detail::require_safe_values<K, Args...>();
    detail::require_callable(f, "weir::single_flight::run");
    return operation<step>(std::in_place,
                           table_,
                           std::forward<K>(key),
                           std::forward<F>(f),
                           std::forward<Args>(args)...);
  }
  // For a readable compile error.
  template <typename K, typename... Args>
  detail::explained run(K&&, Args&&...) {
    static_assert(std::is_constructible_v<Key, K&&>,
                  "weir::single_flight::run: the first argument must convert "
                  "to the key, then comes the callable");
    if constexpr (std::is_constructible_v<Key, K&&>)
      detail::explain_flight<Args...>();
    return {};
  }

  /// Lets the next run() for `key` start a new call, even while the present one
  /// is running. The present call continues for the callers that wait for it.
  /// Returns false if there is no such call.
  bool forget(const Key& key) { return table_->forget(key); }

  /// Callers that wait for a result.
  [[nodiscard]] std::size_t waiting() const noexcept {
    return table_->waiting();
  }
  /// Calls that have not ended, including forgotten ones.
  [[nodiscard]] std::size_t in_flight() const noexcept {
    return table_->in_flight();
  }

private:
  std::shared_ptr<table> table_;
};

} // namespace weir
