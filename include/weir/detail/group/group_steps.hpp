// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/task/await_task.hpp>
#include <weir/detail/task/cancel_scope.hpp>
#include <weir/detail/task/promise.hpp>
#include <weir/detail/wait/group_waiter.hpp>
#include <weir/detail/wait/operation_base.hpp>
#include <weir/detail/wait/waiter.hpp>
#include <weir/executor.hpp>
#include <weir/shutdown_options.hpp>
#include <weir/spawn_status.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <exception>
#include <tuple>
#include <utility>

namespace weir {

class task_group;

namespace detail {

class group_core;
struct group_access; // group_access.hpp

// The task in which one of our functions makes, joins and destroys a group: if
// the task is behind a shield(), the end of the runtime does not cancel the
// group. Only group_access makes one, so no user calls what takes it.
class scope_maker {
public:
  task_core& task() const noexcept { return task_; }

private:
  friend struct group_access;
  explicit scope_maker(task_core& task) noexcept : task_(task) {}

  task_core& task_;
};

// Takes a slot for one child, or says why not.
WEIR_API spawn_status reserve(group_core& group,
                              std::uint64_t& index,
                              std::size_t weight) noexcept;
// Gives it back.
WEIR_API void unreserve(group_core& group, std::size_t weight) noexcept;
// Starts `child` in the slot. On bad_alloc slot and child are given up.
WEIR_API void launch_reserved(group_core& group,
                              unstarted child,
                              std::uint64_t index,
                              std::size_t weight);
// Throws std::invalid_argument, in the name of `who`, for one that cannot be.
WEIR_API std::size_t
require_weight(const group_core& group, std::size_t weight, const char* who);

// task_group::spawn as an operation.
class spawn_step final : public operation_base, public group_waiter {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "spawn slot";
  static constexpr bool yields = true;

  template <typename T>
  spawn_step(group_core& group, task<T>&& child)
      : spawn_step(group, unstarted(std::move(child))) {}
  template <typename T>
  spawn_step(group_core& group, task<T>&& child, std::size_t weight)
      : spawn_step(group, unstarted(std::move(child))) {
    index = weight - 1;
  }
  WEIR_API spawn_step(group_core& group, unstarted child);
  WEIR_API spawn_step(spawn_step&& other) noexcept;
  ~spawn_step() {
    if (child_ != nullptr || counted_) [[unlikely]]
      give_up();
  }

  WEIR_API bool start(waiter& w, task_core* self) noexcept;
  // On the thread of a task that has nothing to do with it: no child of the
  // group asks, none lends its slot.
  WEIR_API bool start_for_others(waiter& w) noexcept;
  WEIR_API bool on_cancel(waiter& w) noexcept;
  WEIR_API void keep_alive() noexcept;
  void abort() noexcept { refused_ = refusal::cancelled; }
  bool ended_by_cancel() const noexcept {
    return state == wait_result::refused || refused_ == refusal::cancelled;
  }
  void finish() const {
    if (refused_ != refusal::none || state > wait_result::restored) [[unlikely]]
      fail();
  }
  std::tuple<boost::system::error_code> arguments() const { return {code()}; }
  WEIR_API executor fallback_executor() const noexcept;
  // The child is one of many, as from a long loop.
  bool is_of_many() const noexcept { return of_many_; }

private:
  friend class group_core;

  enum class refusal : std::uint8_t { none, cancelled, closed, overloaded };

  bool ask(bool parent_awaits) noexcept;
  WEIR_API boost::system::error_code code() const noexcept;
  WEIR_API [[noreturn]] void fail() const;
  WEIR_API void give_up() noexcept;
  // Under the group's lock: the slot its parent lent is back.
  void returned() noexcept;

  group_core* group_;
  task_core* child_;                // null once it was launched
  task_core* parent_ = nullptr;     // the task that spawns, if any
  bool counted_ = false;            // holds a reference on *group_
  bool of_many_ = false;            // once it was started
  refusal refused_ = refusal::none; // at once
};

// task_group::join and shutdown as an operation.
class join_step : public operation_base, public resting_waiter {
public:
  using signature = void(std::exception_ptr);
  static constexpr const char* waits_for = "group join";
  static constexpr bool starts_cancelled = true;

  WEIR_API explicit join_step(group_core& group) noexcept;
  WEIR_API join_step(group_core& group, const shutdown_options& grace) noexcept;
  WEIR_API join_step(join_step&& other) noexcept;
  WEIR_API ~join_step();

  WEIR_API bool start(waiter& w, task_core* self) noexcept;
  WEIR_API bool on_cancel(waiter& w) noexcept;
  WEIR_API bool withdraw(waiter& w) noexcept;
  WEIR_API void keep_alive() noexcept;
  // There was nothing to wait for, and the task is cancelled: it ends here,
  // unless it is the function that made the group, which has yet to go on.
  WEIR_API void abort() noexcept;
  bool was_aborted() const noexcept { return aborted_; }
  WEIR_API bool ended_by_cancel() const noexcept;
  WEIR_API void finish();
  WEIR_API std::tuple<std::exception_ptr> arguments();
  WEIR_API executor fallback_executor() const noexcept;

private:
  group_core* group_;
  bool counted_ = false;
  bool deadlock_ = false;
  bool aborted_ = false;
  bool shuts_down_ = false;
  shutdown_options grace_; // if it shuts down
};

// The body of with_task_group, as the group sees it.
class cancellable_body {
public:
  // Under the group's lock. Says that cancel() is certain to follow.
  virtual void announce() noexcept = 0;
  // Any thread, no lock held. *this may be destroyed when it returns.
  virtual void cancel() noexcept = 0;

protected:
  ~cancellable_body() = default;
};

// The body of with_task_group: a scope of the calling task that the group can
// cancel. On the task's strand.
class group_body final : private cancellable_body {
public:
  WEIR_API group_body(task_group& group, task_core& self) noexcept;
  group_body(const group_body&) = delete;
  group_body& operator=(const group_body&) = delete;
  // Only the end of the runtime destroys it attached.
  WEIR_API ~group_body();

  // As cancel_scope::leave.
  WEIR_API [[nodiscard]] bool leave() noexcept;

  // The body threw. True: its error counts as a child's, or is what the group's
  // join() reported it. False: it is the abort of a cancellation, ours or one
  // from outside.
  WEIR_API bool failed(const std::exception_ptr& error) noexcept;
  // The body was stopped by a cancellation.
  WEIR_API void stopped() noexcept;

private:
  void detach() noexcept;
  void announce() noexcept override { scope_.announce(); }
  void cancel() noexcept override {
    scope_.request(asio::cancellation_type::terminal);
  }

  group_core& group_;
  task_core& self_;
  body_scope scope_;
  bool attached_ = true;
};

// For a body that is an asio::awaitable: attach (null: detach), and the end.
WEIR_API void set_body(task_group& group, cancellable_body* body) noexcept;
WEIR_API void body_failed(task_group& group,
                          const std::exception_ptr& error,
                          bool cancelled_outside) noexcept;
WEIR_API void body_cancelled(task_group& group) noexcept;

// Leaves a scope (cancel_scope, group_body), suspending while a cancellation
// of it is on the way.
template <typename Scope>
class leave_scope final : public plain_awaiter<leave_scope<Scope>> {
public:
  explicit leave_scope(Scope& scope) noexcept : scope_(scope) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) noexcept {
    return !scope_.leave();
  }
  void await_resume() const noexcept {}

private:
  Scope& scope_;
};

// The control block of the task that awaits it.
class this_core final : public plain_awaiter<this_core> {
public:
  this_core() noexcept {}
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    core_ = h.promise().core();
    return false;
  }
  task_core& await_resume() const noexcept { return *core_; }

private:
  task_core* core_ = nullptr;
};

} // namespace detail
} // namespace weir
