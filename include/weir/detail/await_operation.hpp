// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/operation.hpp>

#include "abort.hpp"
#include "promise.hpp"
#include "waiter.hpp"

#include <coroutine>
#include <utility>

namespace weir::detail {

// What a report says a step waits for; a step may say so itself.
template <typename Step>
constexpr const char* wait_name() noexcept {
  if constexpr (requires { Step::waits_for; })
    return Step::waits_for;
  else
    return "an operation of weir";
}
template <typename Step>
constexpr bool wait_ends_outside() noexcept {
  if constexpr (requires { Step::ends_outside; })
    return Step::ends_outside;
  else
    return false;
}

// `co_await` of one of our operations in a task. Everything that waiting
// needs is in this awaiter, in the frame: nothing is allocated.
template <typename Step>
class await_operation final : public waiter,
                              private interruptible,
                              private strand_item {
public:
  explicit await_operation(operation<Step>&& op) noexcept
      : waiter(&await_operation::complete), interruptible(kind),
        strand_item(&await_operation::resume), step_(op.step_) {}
  await_operation(const await_operation&) = delete;
  await_operation& operator=(const await_operation&) = delete;
  ~await_operation() {
    // The frame is destroyed suspended: the runtime was stopped.
    if (core_ != nullptr && core_->is_waiting_for(*this))
      step_.withdraw(*this);
  }

  bool await_ready() const noexcept { return false; }

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    promise_base& p = h.promise();
    core_ = p.core();
    switch (core_->begin_wait(p, *this, !Step::starts_cancelled)) {
    case task_core::verdict::go:
      break;
    case task_core::verdict::aborted:
      step_.abort();
      return false;
    case task_core::verdict::stopping:
      return true;
    }
    if (step_.start(*this, core_)) {
      core_->cancel_wait();
      if constexpr (Step::yields)
        if (ready_queue_is_crowded()) {
          core_->yield_from(p);
          return true;
        }
      return false;
    }
    core_->started_wait();
    return true;
  }

  decltype(auto) await_resume() { return step_.finish(); }

private:
  // Any thread, once, by the step.
  static void complete(waiter& w) noexcept {
    auto& self = static_cast<await_operation&>(w);
    self.core_->wake(self);
  }
  // On the strand.
  static void resume(strand_item& item, strand_item::how how) noexcept {
    if (how == strand_item::how::drop)
      return;
    auto& self = static_cast<await_operation&>(item);
    self.core_->finish_wait(self.step_.ended_by_cancel());
  }
  // On the strand.
  static void interrupt(interruptible& i) noexcept {
    auto& self = static_cast<await_operation&>(i);
    if (!self.step_.on_cancel(self))
      return; // Its completion is on the way.
    self.core_->finish_wait(true);
  }

  static constexpr wait_kind kind = {&await_operation::interrupt,
                                     wait_name<Step>(),
                                     wait_ends_outside<Step>()};

  Step& step_; // in the operand of co_await
  task_core* core_ = nullptr;
};

} // namespace weir::detail
