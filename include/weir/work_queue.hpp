// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/spawn_call.hpp>
#include <weir/detail/group/work_core.hpp>
#include <weir/error.hpp>
#include <weir/operation.hpp>
#include <weir/runtime.hpp>
#include <weir/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

struct work_queue_options;

namespace detail {
template <typename T, typename F, typename Body>
task<>
run_work_queue(work_queue_options options, framed<F> f, framed<Body> body);
}

/// How a work_queue behaves. Trivially destructible members only.
struct work_queue_options {
  /// Items worked on at once; at least 1.
  std::size_t consumers = 1;
  /// Items that may wait for a consumer in the buffer; a push() beyond that
  /// waits.
  std::size_t capacity = 0;
  /// push() calls that may wait; the next gets errc::overloaded. 0: no call may
  /// wait.
  std::size_t max_waiting = unlimited;
  /// cancel_siblings: the first error ends the queue. keep_going, collect(n):
  /// only the item of the call that failed is lost.
  error_policy errors = on_error::cancel_siblings;
  /// Applies to the consumers.
  on_cancel cancellation = on_cancel::raise;
  /// Name in reports. Kept by address: use a string literal.
  const char* name = "work_queue";
};

/// Answer of work_queue::try_push().
enum class push_status : std::uint8_t {
  accepted, ///< a consumer works on it, now or later
  full,     ///< no consumer is idle and `capacity` items wait
  closed,   ///< close() or join() was called, or the queue was cancelled
};

/// What work_queue<T>::push() and drain() return.
template <typename T>
using push_operation = operation<detail::push_step<T>>;
using drain_operation = operation<detail::drain_step>;

/// N consumers that call a fixed function with each item that is pushed.
///
///     weir::work_queue<job> jobs(runtime, {.consumers = 8}, handle);
///     co_await jobs.push(next); // waits while all are busy
///     co_await jobs.join();     // the rest is done; throws the first error
///
/// Items are taken in the order in which they were pushed. Each consumer is a
/// child of the queue's own task_group, which has the error policy of the
/// queue. An error that ends the queue, cancel() or a cancelled join() ends the
/// consumers: items that no consumer took are destroyed with the queue. In a
/// task prefer with_work_queue(), which cannot forget to join.
///
/// Precondition of the destructor: join() has completed, and no caller waits.
/// Otherwise it prints a message and calls `std::terminate`, except when the
/// end of a runtime destroys the frame that owns the queue.
///
/// Thread safety: every member from any thread, and from the function. But a
///   function that waits in push() for room waits for ever if only other calls
///   of it can make that room: use try_push() there.
/// Source: ants' `PoolWithFunc`, tunny's workers.
template <typename T>
class work_queue final {
public:
  /// `f(T&&)` is called by all consumers, several at once, on the runtime. Its
  /// result is awaited if it can be, and discarded.
  ///
  /// Throws: `std::invalid_argument` when `consumers` is 0 or `f` is empty;
  ///   `std::bad_alloc`. In these cases no consumer has started.
  /// Complexity: linear in the consumers.
  template <typename F>
  work_queue(const executor& on, work_queue_options options, F f)
      : work_queue(on,
                   options,
                   std::in_place_type<detail::no_state>,
                   std::move(f),
                   detail::no_state()) {}
  template <typename F>
  work_queue(runtime& on, work_queue_options options, F f)
      : work_queue(on.get_executor(), options, std::move(f)) {}
  // For weir's own functions.
  template <typename F>
  work_queue(detail::scope_maker maker, work_queue_options options, F f)
      : work_queue(maker,
                   options,
                   std::in_place_type<detail::no_state>,
                   std::move(f),
                   detail::no_state()) {}

  /// Each consumer has its own state: what `make()` returns or, if that is a
  /// task, what the task gives. Calls `f(State&, T&&)`. A state is used by one
  /// consumer at a time, and outlives an error under keep_going. What `make`
  /// throws is the consumer's error and closes the queue.
  template <typename Make, typename F>
  work_queue(const executor& on, work_queue_options options, Make make, F f)
      : work_queue(on,
                   options,
                   std::in_place_type<made_by<Make>>,
                   std::move(f),
                   std::move(make)) {}
  template <typename Make, typename F>
  work_queue(runtime& on, work_queue_options options, Make make, F f)
      : work_queue(on.get_executor(), options, std::move(make), std::move(f)) {}

  work_queue(const work_queue&) = delete;
  work_queue& operator=(const work_queue&) = delete;

  /// Hands `T(args...)` to a consumer, or puts it into the buffer; waits while
  /// the buffer is full. Completes when the item is accepted, not when it is
  /// done.
  ///
  /// Throws: errc::overloaded when `max_waiting` other calls wait;
  ///   errc::channel_closed after close() or join(), also while it waits;
  ///   `operation_aborted` when the queue was cancelled or an error ended it.
  ///   The item is then destroyed.
  /// Cancellation: terminal, checked on entry and while waiting; the item is
  ///   then destroyed without being worked on, and `operation_aborted` thrown.
  /// Thread safety: any thread. Resumes on: the task's strand, or the
  ///   handler's executor, by default the system's.
  /// Complexity: constant; no allocation in a task.
  /// Source: ants' `Invoke`, with `MaxBlockingTasks`.
  template <typename... Args>
  push_operation<T> push(Args&&... args) {
    static_assert(std::is_constructible_v<T, Args...>,
                  "weir::work_queue::push: no item can be made of these "
                  "arguments");
    static_assert(
        ((std::is_same_v<std::remove_cvref_t<Args>, T> ||
          detail::safe_argument_in_co_await<Args>)&&...),
        "g++ 12 destroys an aggregate temporary twice inside a co_await "
        "expression. Give the type a constructor, or name the argument");
    if constexpr (std::is_constructible_v<T, Args...>)
      return push_operation<T>(
          std::in_place, *core_, std::forward<Args>(args)...);
    else
      return detail::explained();
  }

  /// Pushes without waiting. Unless the result is `accepted`, `item` is
  /// unchanged.
  [[nodiscard("a refused item is not worked on")]] push_status
  try_push(T&& item) noexcept {
    core_->state.begin();
    const send_status s = core_->items.try_send(std::move(item));
    if (s == send_status::sent)
      return push_status::accepted;
    core_->state.end();
    return s == send_status::full ? push_status::full : push_status::closed;
  }

  /// Waits until everything that was pushed is done, including the items of
  /// waiting push() calls, without closing the queue.
  ///
  /// Throws: `operation_aborted` when the queue was cancelled or an error ended
  ///   it; errc::would_deadlock, at once, from the queue's own function.
  /// Cancellation: terminal; `operation_aborted`, the work continues.
  /// Complexity: constant; no allocation in a task.
  drain_operation drain() noexcept {
    return drain_operation(std::in_place, core_->state);
  }

  /// Closes the queue: it accepts no more items. Accepted items are done;
  /// waiting push() calls get errc::channel_closed.
  void close() noexcept { core_->close(errc::channel_closed); }

  /// Closes the queue, at the call, and waits until everything that was
  /// accepted is done and the consumers have ended.
  ///
  /// Throws, cancellation, resumes on: as task_group::join().
  join_operation join() noexcept {
    close();
    return group_.join();
  }

  /// Cancels the consumers. Waiting push() calls and drain() get
  /// `operation_aborted`.
  void cancel() noexcept {
    core_->abandon();
    group_.cancel();
  }

  /// Items that are accepted, or wait to be, and are not done.
  [[nodiscard]] std::size_t pending() const noexcept {
    return core_->state.pending();
  }
  /// Items that no consumer has taken yet.
  [[nodiscard]] std::size_t size() const noexcept {
    return core_->items.now().size;
  }
  /// How many push() calls wait.
  [[nodiscard]] std::size_t waiting() const noexcept {
    return core_->items.now().senders;
  }
  [[nodiscard]] bool is_closed() const noexcept {
    return core_->items.now().closed;
  }

private:
  template <typename U, typename F, typename Body>
  friend task<> detail::run_work_queue(work_queue_options,
                                       detail::framed<F>,
                                       detail::framed<Body>);

  template <typename Make>
  using made_by = typename detail::made_by<Make>::type;

  template <typename On, typename State, typename F, typename Make>
  work_queue(const On& on,
             work_queue_options options,
             std::in_place_type_t<State>,
             F f,
             Make make)
      : core_(std::make_shared<detail::work_core<T>>(
            options.capacity,
            options.max_waiting,
            options.errors.siblings() == on_error::keep_going)),
        group_(on,
               {.errors = options.errors,
                .cancellation = options.cancellation,
                .name = options.name}) {
    if (options.consumers == 0)
      throw std::invalid_argument(
          "weir::work_queue: consumers is 0, must be at least 1");
    detail::require_callable(f, "weir::work_queue");
    if constexpr (detail::consumes<T, State, F>)
      begin<State>(options.consumers, std::move(f), std::move(make));
    else
      detail::explain_consumer<T, State, F, Make>();
  }

  template <typename State, typename F, typename Make>
  void begin(std::size_t number, F f, Make make) {
    using calls = detail::work_functions<F, Make>;
    auto shared = std::make_shared<calls>(calls{std::move(f), std::move(make)});
    // All consumers are made before one runs, because only a join could end a
    // running one.
    std::vector<detail::spawn_step> consumers;
    consumers.reserve(number);
    for (std::size_t i = 0; i != number; ++i)
      consumers.emplace_back(
          detail::group_access::core(group_),
          detail::consume<T, State, F, Make>(group_,
                                             *core_,
                                             detail::consumer_token<T>(core_),
                                             shared,
                                             nullptr));
    detail::start_all(consumers);
  }

  const std::shared_ptr<detail::work_core<T>> core_;
  task_group group_; // destroyed first: its consumers use the rest
};

} // namespace weir
