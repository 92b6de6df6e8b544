// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/completion_core.hpp>
#include <weir/detail/group/completion_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/executor.hpp>
#include <weir/operation.hpp>
#include <weir/result.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

/// How a completion_group behaves. Trivially destructible members only.
struct completion_group_options {
  /// At most this many children at once; `unlimited`, or at least 1.
  std::size_t max_in_flight = unlimited;
  /// At most this many results of children that have ended wait for next();
  /// a child that would add another keeps its slot until there is room.
  std::size_t max_unconsumed = unlimited;
  error_policy errors = on_error::cancel_siblings;
  /// Applies to the children.
  on_cancel cancellation = on_cancel::raise;
  /// Name in reports. Kept by address: use a string literal.
  const char* name = "completion_group";
};

/// The result of one child of a completion_group.
template <typename T>
struct completed {
  std::uint64_t index; ///< number of the spawn in the group, from 0
  weir::result<T> result;
};

/// A task_group whose results are taken one by one, as the children complete.
///
/// It holds at most `max_in_flight + max_unconsumed` results. spawn() waits
/// while all slots are taken, by children that run or by children that keep
/// their result until one is taken. So call spawn() and next() in different
/// tasks, unless `max_unconsumed` is unlimited.
///
///     co_await group.spawn(produce(group)); // spawns the rest, then close()
///     while (auto done = co_await group.next())
///       use(done->index, done->result);
///     co_await group.join();
///
/// Every child that started gives one result, also one that fails or is
/// cancelled (`operation_aborted`). A child that was cancelled before it
/// started gives none. `T` is as in result_group.
///
/// Precondition of the destructor: as task_group's, and no next() waits.
/// Thread safety: every member from any thread while the group is alive.
/// Source: tokio's `JoinSet`, Swift's `TaskGroup.next()`.
template <typename T>
class completion_group final {
public:
  using value_type = T;

  /// Throws: `std::invalid_argument` when `max_in_flight` is 0.
  explicit completion_group(const executor& ex,
                            completion_group_options options = {})
      : core_(std::make_shared<core>(options.max_unconsumed)),
        holds_errors_(options.errors.siblings() == on_error::keep_going),
        group_(ex, inner(options)) {
    detail::set_body(group_, core_.get());
  }
  explicit completion_group(runtime& on, completion_group_options options = {})
      : completion_group(on.get_executor(), options) {}
  completion_group(const completion_group&) = delete;
  completion_group& operator=(const completion_group&) = delete;
  ~completion_group() {
    detail::set_body(group_, nullptr);
    detail::object_gone(
        detail::group_access::core(group_),
        core_->has_takers(),
        "weir: a completion_group was destroyed while next() waits\n");
  }

  /// As task_group::spawn, and next() gives the child's value or error.
  ///
  /// Throws, Cancellation, Thread safety, Resumes on: as task_group::spawn.
  /// Complexity: constant; one frame and one node beyond task_group::spawn,
  ///   from a per-thread cache. Waiting allocates nothing.
  spawn_operation spawn(task<T> child) {
    detail::require_task(child, "weir::completion_group::spawn");
    const char* const name = detail::task_access::name(child);
    task<> wrapped = detail::run_for_completion<T>(
        detail::child_seat<T>(core_),
        std::make_unique<detail::result_node<T>>(std::move(child)),
        holds_errors_);
    detail::task_access::set_name(wrapped, name);
    return group_.spawn(std::move(wrapped));
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
    detail::require_callable(f, "weir::completion_group::spawn");
    return spawn(detail::call_value<T, std::decay_t<F>, std::decay_t<Args>...>(
        std::forward<F>(f), std::forward<Args>(args)...));
  }
  // For a readable compile error.
  template <typename... Args>
  spawn_operation spawn(Args&&...) {
    detail::explain_child<T, Args...>();
    return group_.spawn(task<>());
  }

  /// Gives the result of the child that completed first of those not taken yet;
  /// waits until there is one. Gives an empty optional when no more can come:
  /// close() or join() was called or the group was cancelled, every child has
  /// ended, and all results were taken. Callers are served in the order in
  /// which they asked.
  ///
  /// Throws: errc::would_deadlock, at once, when a child of this group calls
  ///   it. It throws no child's error: that is in the result, and join()
  ///   reports it.
  /// Cancellation: terminal, checked on entry and while waiting; no result is
  ///   lost.
  /// Thread safety: any thread, but not from a child of this group.
  /// Resumes on: the task's strand, or the handler's executor.
  /// Complexity: constant; no allocation in a task.
  operation<detail::next_step<T>> next() noexcept {
    return operation<detail::next_step<T>>(std::in_place, group_, core_);
  }

  /// As task_group::join. From its start on `max_unconsumed` is unlimited:
  /// results that were not taken are kept, and next() gives them, also after
  /// join() has completed.
  operation<detail::completion_join_step<T>> join() noexcept {
    return operation<detail::completion_join_step<T>>(
        std::in_place, group_, *core_);
  }

  /// Refuses further spawns; the last child's result is the last that next()
  /// gives.
  void close() noexcept {
    group_.close();
    core_->close();
  }

  /// As the members of task_group.
  void cancel(boost::system::error_code reason = {}) noexcept {
    group_.cancel(reason);
  }
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
  using core = detail::completion_core<T>;

  static task_group_options
  inner(const completion_group_options& options) noexcept {
    return {.max_in_flight = options.max_in_flight,
            .errors = options.errors,
            .cancellation = options.cancellation,
            .name = options.name};
  }

  std::shared_ptr<core> core_;
  bool holds_errors_;
  task_group group_;
};

} // namespace weir
