// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/wait/waiter.hpp>
#include <weir/operation.hpp>

#include "abort.hpp"
#include "promise.hpp"

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace weir::detail {

// The name that a report gives to what a step waits for. A step may define it.
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

// A task as the waiter of a step.
class task_waiter : public waiter {
public:
  task_waiter() noexcept : waiter(&task_waiter::complete) {}

protected:
  template <typename Step>
  bool start(Step& step, task_core* core) {
    core_ = core;
    return step.start(*this, core);
  }
  template <typename Step>
  bool on_cancel(Step& step) noexcept {
    return step.on_cancel(*this);
  }
  template <typename Step>
  bool withdraw(Step& step) noexcept {
    return step.withdraw(*this);
  }
  // Null: not started.
  template <typename Step>
  task_core* core(const Step&) const noexcept {
    return core_;
  }

private:
  // Any thread, once, by the step.
  static void complete(waiter& w) noexcept {
    static_cast<task_waiter&>(w).core_->end_wait();
  }

  task_core* core_ = nullptr;
};

// The same for a step that knows its task and ends the task's wait itself.
class step_waiter {
protected:
  template <typename Step>
  bool start(Step& step, task_core* core) {
    return step.start(core);
  }
  template <typename Step>
  bool on_cancel(Step& step) noexcept {
    return step.on_cancel();
  }
  template <typename Step>
  task_core* core(const Step& step) const noexcept {
    return step.waiting_task();
  }
};

template <typename Step>
concept knows_its_task = requires(const Step& step) {
  step.waiting_task();
};

template <typename Step>
using waiter_of =
    std::conditional_t<knows_its_task<Step>, step_waiter, task_waiter>;

// `co_await` of one of our operations in a task. Everything that waiting
// needs is in this awaiter, in the frame: nothing is allocated.
template <typename Step>
class await_operation final : private interruptible, private waiter_of<Step> {
public:
  explicit await_operation(operation<Step>&& op) noexcept
      : interruptible(wait), step_(op.step_) {}
  await_operation(const await_operation&) = delete;
  await_operation& operator=(const await_operation&) = delete;

  bool await_ready() const noexcept { return false; }

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    task_core& core = *h.promise().core();
    if (core.has_to_look()) [[unlikely]]
      switch (core.look(!Step::starts_cancelled)) {
      case task_core::verdict::go:
        break;
      case task_core::verdict::aborted:
        step_.abort();
        return false;
      case task_core::verdict::stopping:
        return true;
      }
    core.wait_for(*this);
    if (!waiter_of<Step>::start(step_, &core)) {
      // A loop that spawns at the cap: when its turn comes, more slots are free
      // than the one that woke it.
      if constexpr (Step::yields)
        core.wake_in_turn();
      core.started_wait();
      return true;
    }
    core.cancel_wait();
    if constexpr (Step::starts_cancelled)
      if (core.has_to_look() && core.must_abort()) [[unlikely]]
        step_.abort();
    if (core.unwinds() && ends_unwound(core)) [[unlikely]]
      return true;
    if constexpr (Step::yields)
      switch (ready_crowd(step_.is_of_many())) {
      case crowd::none:
        break;
      case crowd::of_new:
        core.yield_to_new();
        return true;
      case crowd::of_old:
        core.yield();
        return true;
      }
    return core.gives_way();
  }

  decltype(auto) await_resume() { return step_.finish(); }

private:
  // As finish_wait(), for a wait that the cancellation ends at once. Not
  // inline, as it is rare.
  [[gnu::noinline]] bool ends_unwound(task_core& core) noexcept {
    if (!step_.ended_by_cancel() || !core.must_unwind())
      return false;
    core.stop();
    return true;
  }

  // On the strand.
  static void resume(strand_item& item, strand_item::how how) noexcept {
    if (how == strand_item::how::drop)
      return;
    auto& self = static_cast<await_operation&>(item);
    self.core(self.step_)->finish_wait(self.step_.ended_by_cancel());
  }
  // On the strand.
  static void interrupt(interruptible& i) noexcept {
    auto& self = static_cast<await_operation&>(i);
    task_core* const core = self.core(self.step_);
    bool is_over = false;
    if constexpr (waits_for_tasks<Step>)
      is_over = core->parks() ? self.waiter_of<Step>::withdraw(self.step_)
                              : self.waiter_of<Step>::on_cancel(self.step_);
    else
      is_over = self.waiter_of<Step>::on_cancel(self.step_);
    if (is_over)
      core->finish_wait(true); // Else its completion is on the way.
  }

  static constexpr wait_kind wait = {{&await_operation::resume},
                                     &await_operation::interrupt,
                                     wait_name<Step>(),
                                     wait_ends_outside<Step>()};

  Step& step_; // in the operand of co_await
};

} // namespace weir::detail
