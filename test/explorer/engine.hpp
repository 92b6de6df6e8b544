// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/wait/waiter.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>

#include "explorer/explorer.hpp"

#include <atomic>
#include <utility>

// The library itself under the explorer. Its ready tasks stand in one queue;
// a model's thread runs them as a worker would, or calls in from outside.

namespace weir::test {

/// All models' runtime. It has no thread and time stands still.
detail::runtime_core& engine();
inline executor engine_executor() { return executor(engine()); }

/// How many blocks the engine has of its cache: frames, control blocks and so
/// on.
long blocks_in_use();

/// The calling fiber is a worker: runs the task that is ready first, until it
/// suspends or ends. False: none is ready.
bool run_one();
/// The same, until `done`; waits where nothing is ready.
void work_until(const mark& done);
/// Until none is ready.
void run_ready();
/// Time comes to what is in the wheel, by a tick, and all that is due fires.
void fire_timers();

/// One handler that was posted to the engine's pool. False: there is none.
bool run_handler();

/// Somebody, not a task, who waits by one of weir's steps.
template <typename Step>
class outsider final : private detail::waiter {
public:
  template <typename... Args>
  explicit outsider(Args&&... args)
      : waiter(&outsider::completed), step(std::forward<Args>(args)...) {}

  /// True: it need not wait.
  bool start() {
    if (step.start(*this, nullptr))
      end();
    return is_done();
  }
  /// As by a cancellation slot. True: it does not wait any more.
  bool cancel() {
    const bool withdrawn = step.on_cancel(*this);
    if (withdrawn)
      end();
    return withdrawn;
  }
  void wait() const {
    while (!is_done())
      explorer::active()->pause();
  }
  bool is_done() const noexcept {
    // acquire: as whatever a completion goes through orders what was done.
    return done.is_set() && ended_.load(std::memory_order_acquire);
  }
  /// How often it was completed.
  int times() const noexcept { return times_; }

  Step step;
  mark done;

private:
  static void completed(detail::waiter& w) noexcept {
    static_cast<outsider&>(w).end();
  }
  void end() {
    ++times_;
    ended_.store(true, std::memory_order_release); // see is_done()
    done.set();                                    // *this may be gone.
  }

  int times_ = 0;
  std::atomic<bool> ended_{false};
};

} // namespace weir::test
