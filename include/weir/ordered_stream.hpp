// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/stream_round.hpp>
#include <weir/detail/group/stream_sink.hpp>
#include <weir/detail/group/stream_steps.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/executor.hpp>
#include <weir/operation.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace weir {

/// How an ordered_stream behaves. Trivially destructible members only.
struct ordered_stream_options {
  /// At most this many tasks at once; `unlimited`, or at least 1.
  std::size_t max_in_flight = unlimited;
  /// Once this many results wait for their turn, submit() waits; `unlimited`,
  /// or at least 1.
  std::size_t max_reorder = unlimited;
  error_policy errors = on_error::cancel_siblings;
  /// Applies to the tasks and the callback.
  on_cancel cancellation = on_cancel::raise;
  /// Name in reports. Kept by address: use a string literal.
  const char* name = "ordered_stream";
};

/// Runs tasks in parallel, and passes their values to a callback one after the
/// other, in the order in which the tasks were submitted.
///
///     weir::ordered_stream<page> pages(runtime, {.max_in_flight = 8}, print);
///     for (const auto& url : urls)
///       co_await pages.submit(fetch(url));
///     co_await pages.join();
///
/// The callback is plain or asynchronous. After an asynchronous callback the
/// next one is called when the work that it returned has completed. The
/// callback runs in the task whose turn has come, so on any thread, but never
/// twice at once; that task keeps its slot meanwhile. At most
/// `max_in_flight + max_reorder` results are held.
///
/// The first error, of a task or of the callback, cancels the tasks, and the
/// callback is not called after it. Under keep_going a failed task is left out
/// and the rest continues. An index in a group_error is that of the submission.
/// A cancelled stream does not call the callback any more.
///
/// `T` may be move-only and not default-constructible; it is an object type.
///
/// Precondition of the destructor: as task_group's.
/// Thread safety: every member from any thread, including from tasks and the
///   callback, while the stream is alive.
/// Source: conc's `stream`.
template <typename T>
class ordered_stream final {
public:
  using value_type = T;

  /// Throws: `std::invalid_argument` when `max_in_flight` or `max_reorder` is
  ///   0, or the callback is empty.
  template <std::invocable<T> Callback>
  ordered_stream(const executor& ex,
                 ordered_stream_options options,
                 Callback&& callback)
      : executor_(ex), options_(check(options)) {
    detail::require_callable(callback, "weir::ordered_stream");
    sink_ =
        std::make_unique<detail::stream_callback<T, std::decay_t<Callback>>>(
            std::forward<Callback>(callback));
    round_ = make_round();
  }
  template <std::invocable<T> Callback>
  ordered_stream(runtime& on,
                 ordered_stream_options options,
                 Callback&& callback)
      : ordered_stream(
            on.get_executor(), options, std::forward<Callback>(callback)) {}
  ordered_stream(const ordered_stream&) = delete;
  ordered_stream& operator=(const ordered_stream&) = delete;
  ~ordered_stream() { round_->end(); }

  /// Starts `work`. Waits first while `max_reorder` results wait for their
  /// turn, then for a free slot. Callers are served in the order in which they
  /// asked, and that is the order of the stream. A submit() from a task or the
  /// callback of the same stream does not wait for results, and lends its slot
  /// as a child of a task_group does.
  ///
  /// Throws, Cancellation, Thread safety, Resumes on: as task_group::spawn.
  /// Complexity: constant; one frame beyond task_group::spawn. Waiting
  ///   allocates nothing.
  operation<detail::submit_step<T>> submit(task<T> work) {
    detail::require_task(work, "weir::ordered_stream::submit");
    auto open = current();
    const char* const name = detail::task_access::name(work);
    task<> child = detail::run_in_stream<T>(*open, std::move(work));
    detail::task_access::set_name(child, name);
    return operation<detail::submit_step<T>>(
        std::in_place, std::move(open), std::move(child));
  }
  /// Any other work from whose value a `T` can be constructed.
  template <detail::foreign_work Work>
  operation<detail::submit_step<T>> submit(Work&& work) {
    return submit(detail::await_value<T>(std::forward<Work>(work)));
  }
  /// Calls `f(args...)` in the task. As task_group::spawn.
  template <typename... Args, detail::work_factory<Args...> F>
  operation<detail::submit_step<T>> submit(F&& f, Args&&... args) {
    detail::check_call<F, Args...>();
    detail::require_callable(f, "weir::ordered_stream::submit");
    return submit(detail::call_value<T, std::decay_t<F>, std::decay_t<Args>...>(
        std::forward<F>(f), std::forward<Args>(args)...));
  }
  // For a readable compile error.
  template <typename... Args>
  operation<detail::submit_step<T>> submit(Args&&...) {
    detail::explain_child<T, Args...>();
    return submit(task<T>());
  }

  /// Waits until every task has ended and the callback has been called for all.
  /// The stream is then as new, unless a task or the callback failed or the
  /// stream was cancelled: then it stays failed or cancelled.
  ///
  /// Throws, Cancellation, Thread safety, Resumes on: as task_group::join.
  ///   Under keep_going it throws the first error, of a task or of the
  ///   callback.
  operation<detail::stream_join_step<T>> join() noexcept {
    return operation<detail::stream_join_step<T>>(
        std::in_place, *this, current());
  }

  /// As the members of task_group.
  void cancel(boost::system::error_code reason = {}) noexcept {
    current()->group->cancel(reason);
  }
  template <typename Rep, typename Period>
  void cancel_after(std::chrono::duration<Rep, Period> duration) noexcept {
    current()->group->cancel_after(duration);
  }
  void set_max_in_flight(std::size_t n) {
    std::lock_guard held(change_);
    current()->group->set_max_in_flight(n);
    options_.max_in_flight = n;
  }
  [[nodiscard]] std::size_t max_in_flight() const noexcept {
    return current()->group->max_in_flight();
  }
  /// Counts the tasks since the last join() that left the stream as new.
  [[nodiscard]] task_group_stats stats() const noexcept {
    return current()->group->stats();
  }
  [[nodiscard]] bool is_cancelled() const noexcept {
    return current()->group->is_cancelled();
  }
  [[nodiscard]] boost::system::error_code cancel_reason() const noexcept {
    return current()->group->cancel_reason();
  }
  [[nodiscard]] executor get_executor() const noexcept { return executor_; }

private:
  friend class detail::stream_join_step<T>;
  using round = detail::stream_round<T>;

  static ordered_stream_options check(ordered_stream_options options) {
    if (options.max_in_flight == 0)
      throw std::invalid_argument(
          "weir::ordered_stream: max_in_flight is 0, must be at least 1");
    if (options.max_reorder == 0)
      throw std::invalid_argument(
          "weir::ordered_stream: max_reorder is 0, must be at least 1");
    return options;
  }

  std::shared_ptr<round> make_round() const {
    const task_group_options inner{.max_in_flight = options_.max_in_flight,
                                   .errors = options_.errors,
                                   .cancellation = options_.cancellation,
                                   .name = options_.name};
    return std::make_shared<round>(
        executor_, inner, options_.max_reorder, *sink_);
  }
  std::shared_ptr<round> current() const noexcept {
    std::lock_guard held(lock_);
    return round_;
  }
  // After a join of `joined` without an error or a cancellation.
  void renew(const std::shared_ptr<round>& joined) {
    std::lock_guard held(change_);
    if (current() != joined)
      return; // Another joiner was first.
    auto next = make_round();
    std::lock_guard swapping(lock_);
    round_.swap(next);
  }

  const executor executor_;
  std::mutex change_;              // held to change the round or the options
  ordered_stream_options options_; // under change_
  std::unique_ptr<detail::stream_sink<T>> sink_;
  mutable detail::spin_lock lock_;
  std::shared_ptr<round> round_; // under lock_
};

} // namespace weir
