// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/queued_step.hpp>

#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstddef>
#include <tuple>

namespace weir::detail {

// How much work a work_queue has: what was pushed, waiting pushes included, and
// has not ended; and the waiters until that is nothing. Any thread.
class work_state {
public:
  work_state() = default;
  work_state(const work_state&) = delete;
  work_state& operator=(const work_state&) = delete;
  WEIR_API ~work_state();

  void begin() noexcept {
    // relaxed: a number; the item itself goes through the channel.
    pending_.fetch_add(1, std::memory_order_relaxed);
  }
  WEIR_API void end(std::size_t count = 1) noexcept;
  std::size_t pending() const noexcept {
    // acquire: a reader of 0 sees what the work has done.
    return pending_.load(std::memory_order_acquire);
  }

  // The queue was cancelled: what is pending may never end.
  WEIR_API void abandon() noexcept;

  // The consumers' group, known once one of them runs.
  void set_owner(const task_owner* group) noexcept {
    // relaxed: compared by tasks of that group, which come after.
    owner_.store(group, std::memory_order_relaxed);
  }

  // queued_step's counterparts of a drain().
  bool start(queued_step& step, waiter& who, const task_core* self) noexcept;
  bool withdraw(queued_step& step) noexcept;

private:
  void forsake_all() noexcept;

  sync::atomic<std::size_t> pending_{0};
  sync::atomic<const task_owner*> owner_{nullptr};
  spin_lock lock_;
  bool abandoned_ = false; // under lock_
  step_queue drainers_;    // under lock_
};

// work_queue::drain as an operation.
class drain_step final : public queued_step {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "work_queue drain";

  explicit drain_step(work_state& state) noexcept : state_(&state) {}

  WEIR_API bool start(waiter& w, task_core* self) noexcept;
  WEIR_API bool on_cancel(waiter& w) noexcept;
  WEIR_API void finish() const;
  std::tuple<boost::system::error_code> arguments() noexcept { return {code_}; }

  void refuse(boost::system::error_code why) noexcept { code_ = why; }

private:
  work_state* state_;
};

} // namespace weir::detail
