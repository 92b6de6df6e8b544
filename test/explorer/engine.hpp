// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/wait/waiter.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>

#include "explorer/explorer.hpp"

#include <atomic>
#include <utility>

// The library itself under the explorer. Its ready tasks are in one queue; a
// thread of a model runs them as a worker would, or calls the library from
// outside.

namespace weir::test {

/// The runtime of all models. It has no thread, and its time stands still.
detail::runtime_core& engine();
inline executor engine_executor() {
  return detail::executor_access::of(engine());
}

/// How many blocks of its cache the engine uses: frames, control blocks and so
/// on.
long blocks_in_use();

/// The calling fiber acts as a worker: runs the first ready task until it
/// suspends or ends. False: no task is ready.
bool run_one();
/// The same, until `done`; waits when nothing is ready.
void work_until(const mark& done);
/// Until none is ready.
void run_ready();
/// Advances the wheel's time by a tick, and fires all that is due.
void fire_timers();

/// One handler that was posted to the engine's pool. False: there is none.
bool run_handler();

/// A waiter other than a task, for one of weir's steps.
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
    // acquire: the path of a real completion would order what was done, too.
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
    done.set();                                    // *this may be destroyed.
  }

  int times_ = 0;
  std::atomic<bool> ended_{false};
};

} // namespace weir::test
