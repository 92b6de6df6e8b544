// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/timer_entry.hpp>
#include <weir/testing/deterministic_options.hpp>

#include "base/virtual_clock.hpp"
#include "handler_turns.hpp"
#include "runtime/driver.hpp"
#include "seeded_choice.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

namespace weir::detail {

class runtime_core;

// Stands in for the threads of a runtime's pool, which has none: the thread
// that calls run() takes one step after the other. A step runs one ready task,
// fires one timer that is due or calls one handler of Asio's; the seed chooses
// which. When there is nothing to choose from, time jumps to the next timer.
//
// Members without a thread note belong to the thread that runs.
class deterministic_driver final : public driver {
public:
  deterministic_driver(runtime_core& runtime,
                       const testing::deterministic_options& options);
  // On the thread that created it.
  ~deterministic_driver() override;

  // A runtime with such a driver in place of threads.
  static runtime_core*
  make_runtime(const testing::deterministic_options& options);
  // That of `runtime`, a deterministic one.
  static deterministic_driver& of(const runtime_core& runtime) noexcept;

  // A long time after the epoch, so that a time_point that was never set lies
  // in the past, whatever is subtracted.
  static constexpr clock::time_point start{std::chrono::hours(24)};

  clock::time_point now() const noexcept { return time_.now; }
  std::uint64_t steps() const noexcept { return steps_; }
  // For a test that does not call run().
  void set_time(clock::time_point t) noexcept { time_.now = t; }
  virtual_clock& time() noexcept { return time_; }

  // Any thread. Throws if run() must not be called now.
  void require_free() const;

  bool is_here() const noexcept override;
  void outside_began() noexcept override;
  void outside_ended() noexcept override;
  // Throws deadlock and step_limit_exceeded, too.
  void run(const bool& done) override;
  void failed(const std::exception_ptr& error) noexcept override;
  void shut_down() noexcept override;
  // With as many steps as a run() has.
  bool finish() noexcept override;

  // Called after each step of run().
  void set_step_hook(std::function<void()> hook) { hook_ = std::move(hook); }

private:
  class seat;

  void step();
  bool end_step() noexcept;
  bool take_ready();
  void count();
  bool poll();
  void wait();
  void jump(clock::time_point next);
  void take_due();
  bool wait_outside(std::chrono::milliseconds at_most);
  bool has_outside_work();

  runtime_core& runtime_;
  const testing::deterministic_options options_;
  handler_turns asio_; // of the pool
  seeded_choice choice_;
  virtual_clock time_;
  std::uint64_t steps_ = 0;
  std::uint64_t most_steps_;
  std::vector<ready_item*> ready_;
  std::vector<timer_entry*> due_; // out of the wheel, to be fired
  bool more_due_ = false;         // in the wheel
  std::exception_ptr error_;
  std::function<void()> hook_;
  std::atomic<bool> is_driven_{false};
  std::atomic<std::size_t> outside_{0};
};

} // namespace weir::detail
