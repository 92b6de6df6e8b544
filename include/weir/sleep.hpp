// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/operation_base.hpp>
#include <weir/detail/wait/timer_entry.hpp>
#include <weir/operation.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

namespace weir {

namespace detail {

class sleep_step final : public operation_base, timer_entry {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "sleep";

  // A deadline that is not after `now` completes at once.
  sleep_step(clock::time_point deadline, clock::time_point now) noexcept {
    value = deadline.time_since_epoch().count();
    mark = deadline <= now ? passed : not_started;
  }

  WEIR_API bool start(task_core* self) noexcept;
  WEIR_API bool on_cancel() noexcept;
  void abort() noexcept { mark = aborted; }
  bool ended_by_cancel() const noexcept { return mark == aborted; }
  task_core* waiting_task() const noexcept {
    return mark == started ? task : nullptr;
  }
  WEIR_API void finish() const;

  // A sleep that is started with a token has no runtime: the handler's executor
  // may belong to any context. So it uses an Asio timer on that executor.
  struct initiation {
    template <typename Handler>
    void operator()(Handler handler, sleep_step step) const {
      auto timer = std::make_unique<asio::steady_timer>(
          asio::get_associated_executor(handler),
          on_steady_clock(step.deadline()));
      auto& armed = *timer;
      armed.async_wait(asio::consign(std::move(handler), std::move(timer)));
    }
  };

private:
  enum : std::uint8_t { not_started, passed, started, aborted }; // mark

  clock::time_point deadline() const noexcept {
    return clock::time_point(clock::duration(value));
  }
};

} // namespace detail

/// What sleep_for() and sleep_until() return.
using sleep_operation = operation<detail::sleep_step>;

/// Completes at `deadline`, never before. In a task the deadline is kept in
/// steps of 0.25 ms by the runtime's timing wheel; elsewhere an
/// `asio::steady_timer` is used. A deadline in the past completes at once,
/// `clock::time_point::max()` never.
///
/// Cancellation: terminal, checked on entry, even when the deadline has passed,
///   and while waiting; `operation_aborted`.
/// Resumes on: the task's strand, or the handler's executor.
/// Complexity: constant; no allocation in a task.
inline sleep_operation sleep_until(clock::time_point deadline) noexcept {
  return sleep_operation(std::in_place, deadline, clock::now());
}

/// sleep_until() `duration` from now. A negative duration is zero; one beyond
/// the clock's range never ends.
template <typename Rep, typename Period>
sleep_operation
sleep_for(std::chrono::duration<Rep, Period> duration) noexcept {
  const clock::time_point now = clock::now();
  return sleep_operation(
      std::in_place,
      detail::deadline_after(detail::saturated(duration), now),
      now);
}

} // namespace weir
