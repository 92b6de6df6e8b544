// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/result_list.hpp>
#include <weir/detail/group/result_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/executor.hpp>
#include <weir/operation.hpp>
#include <weir/result.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

namespace detail {
struct result_group_access; // with_result_group.hpp
} // namespace detail

/// A task_group whose children give values: join() returns the result of each,
/// in the order in which they were spawned.
///
/// There is one slot for each child that spawn() started. It holds the child's
/// value or the error the child ended with: no slot is dropped, even if other
/// children failed before or after it. The slot of a child that a cancellation
/// ended holds `operation_aborted`. For results as they come, in bounded
/// memory, use a completion_group. Prefer with_result_group(), which cannot
/// forget to join.
///
/// `T` may be move-only and not default-constructible; it is an object type.
///
/// Precondition of the destructor: as task_group's.
/// Thread safety: every member from any thread, including from children,
///   while the group is alive.
/// Memory: in proportion to the results.
/// Source: conc's `ResultPool`, `ResultErrorPool`, `ResultContextPool`.
template <typename T>
class result_group final {
public:
  using value_type = T;

  /// Throws: `std::invalid_argument` when `max_in_flight` is 0.
  explicit result_group(const executor& ex, task_group_options options = {})
      : siblings_(options.errors.siblings()), group_(ex, options) {}
  explicit result_group(runtime& on, task_group_options options = {})
      : siblings_(options.errors.siblings()), group_(on, options) {}
  // For weir's own functions.
  result_group(detail::scope_maker maker, const task_group_options& options)
      : siblings_(options.errors.siblings()), group_(maker, options) {}

  /// As task_group::spawn, and the child's value is kept.
  ///
  /// Throws, Cancellation, Thread safety, Resumes on: as task_group::spawn.
  /// Complexity: constant; one frame and one node beyond task_group::spawn,
  ///   from a per-thread cache. Waiting allocates nothing.
  spawn_operation spawn(task<T> child) {
    detail::require_task(child, "weir::result_group::spawn");
    return group_.spawn(start(make_node(std::move(child))));
  }
  /// Any other work from whose value a `T` can be constructed.
  template <detail::foreign_work Work>
  spawn_operation spawn(Work&& work) {
    return spawn(detail::await_value<T>(std::forward<Work>(work)));
  }
  /// Calls `f(args...)` in the child. As task_group::spawn.
  template <typename... Args, detail::work_factory<Args...> F>
  spawn_operation spawn(F&& f, Args&&... args) {
    detail::check_call<F, Args...>();
    detail::require_callable(f, "weir::result_group::spawn");
    return spawn(detail::call_value<T, std::decay_t<F>, std::decay_t<Args>...>(
        std::forward<F>(f), std::forward<Args>(args)...));
  }
  // For a readable compile error.
  template <typename... Args>
  spawn_operation spawn(Args&&...) {
    detail::explain_child<T, Args...>();
    return group_.spawn(task<>());
  }

  /// As task_group::try_spawn. Unless the result is `started`, `child` is
  /// unchanged.
  [[nodiscard("a refused child did not start")]] spawn_status
  try_spawn(task<T>&& child) {
    detail::require_task(child, "weir::result_group::try_spawn");
    auto owned = make_node(std::move(child));
    auto* const made = owned.get();
    task<> wrapped = start(std::move(owned));
    const spawn_status status = group_.try_spawn(std::move(wrapped));
    if (status != spawn_status::started)
      child = std::move(made->work);
    return status;
  }
  // For a readable compile error.
  template <typename... Args>
  spawn_status try_spawn(Args&&...) {
    detail::explain_child<T, Args...>();
    return {};
  }

  /// Waits until every child has ended, closes the group, and returns the
  /// results: slot `i` is that of spawn number `i`, counted from 0.
  ///
  /// Results are handed out once: after a join() or results() that returned
  /// them, the next one returns an empty vector.
  ///
  /// Throws: under on_error::cancel_siblings what task_group::join() throws;
  ///   results() then gives the other results. Under keep_going and collect()
  ///   it throws no child's error, because that is in the child's slot. It
  ///   still throws `timed_out` or `operation_aborted` for the end of the group
  ///   itself, as task_group::join() does, and errc::would_deadlock.
  /// Cancellation: terminal; cancels the group and still waits.
  /// Thread safety: any thread, but not from a child of this group.
  /// Resumes on: the task's strand, or the handler's executor. In an
  ///   `asio::awaitable` Boost 1.81 needs `join()(asio::use_awaitable)`.
  /// Complexity: linear in the results.
  operation<detail::results_step<T>> join() noexcept {
    return operation<detail::results_step<T>>(
        std::in_place, group_, list_, siblings_);
  }

  /// The results after a join() that threw.
  ///
  /// Precondition: join() has completed.
  [[nodiscard]] std::vector<result<T>> results() {
    return list_.take(group_.stats().spawned);
  }

  /// As the members of task_group.
  void cancel(boost::system::error_code reason = {}) noexcept {
    group_.cancel(reason);
  }
  void close() noexcept { group_.close(); }
  template <typename Rep, typename Period>
  void cancel_after(std::chrono::duration<Rep, Period> duration) noexcept {
    group_.cancel_after(duration);
  }
  void cancel_at(clock::time_point deadline) noexcept {
    group_.cancel_at(deadline);
  }
  void set_max_in_flight(std::size_t n) { group_.set_max_in_flight(n); }
  [[nodiscard]] std::size_t max_in_flight() const noexcept {
    return group_.max_in_flight();
  }
  [[nodiscard]] task_group_stats stats() const noexcept {
    return group_.stats();
  }
  [[nodiscard]] bool is_cancelled() const noexcept {
    return group_.is_cancelled();
  }
  [[nodiscard]] boost::system::error_code cancel_reason() const noexcept {
    return group_.cancel_reason();
  }
  [[nodiscard]] executor get_executor() const noexcept {
    return group_.get_executor();
  }

private:
  friend struct detail::result_group_access;
  using node = detail::result_node<T>;

  static std::unique_ptr<node> make_node(task<T> child) {
    return std::make_unique<node>(std::move(child));
  }
  task<> start(std::unique_ptr<node> n) {
    const char* const name = detail::task_access::name(n->work);
    const auto keep = [list = &list_](std::unique_ptr<node> ended) noexcept {
      list->push(std::move(ended));
    };
    task<> child = detail::run_for_result<T>(keep, std::move(n));
    detail::task_access::set_name(child, name);
    return child;
  }

  on_error siblings_;
  detail::result_list<T> list_; // outlives the children
  task_group group_;
};

} // namespace weir
