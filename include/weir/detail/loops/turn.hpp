// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/detail/wait/queued_step.hpp>
#include <weir/operation.hpp>

#include <boost/system/error_code.hpp>

#include <mutex>

namespace weir::detail {

class turn;

// Who has it is alone. Gives it up when it is destroyed.
class [[nodiscard("the turn ends with it")]] held_turn final {
public:
  explicit held_turn(turn & t) noexcept : turn_(t) {}
  held_turn(const held_turn&) = delete;
  held_turn& operator=(const held_turn&) = delete;
  ~held_turn();

private:
  turn& turn_;
};

class turn_step final : public queued_step {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "turn";

  explicit turn_step(turn& t) noexcept : turn_(&t) {}

  bool start(waiter& w, task_core*) noexcept;
  bool on_cancel(waiter&) noexcept;
  held_turn finish() {
    if (ended_by_cancel())
      throw_aborted();
    return held_turn(*turn_);
  }

private:
  turn* turn_;
};

// One task after another, first come, first served; whoever waits suspends.
class turn final {
public:
  turn() = default;
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

  operation<turn_step> take() noexcept {
    return operation<turn_step>(std::in_place, *this);
  }

private:
  friend class turn_step;
  friend class held_turn;

  bool enter(turn_step& step, waiter& w) noexcept {
    std::lock_guard held(lock_);
    if (!taken_)
      return taken_ = true;
    enqueue(waiting_, step, w);
    return false;
  }
  bool leave_queue(turn_step& step) noexcept {
    std::lock_guard held(lock_);
    return withdraw(waiting_, step);
  }
  void pass_on() noexcept {
    queued_step* next = nullptr;
    {
      std::lock_guard held(lock_);
      next = dequeue(waiting_);
      taken_ = next != nullptr;
    }
    if (next != nullptr)
      tell(*next);
  }

  spin_lock lock_;
  bool taken_ = false; // under lock_
  step_queue waiting_; // under lock_
};

inline held_turn::~held_turn() { turn_.pass_on(); }

// When false, *this may be gone.
inline bool turn_step::start(waiter& w, task_core*) noexcept {
  return turn_->enter(*this, w);
}
inline bool turn_step::on_cancel(waiter&) noexcept {
  if (!turn_->leave_queue(*this))
    return false;
  abort();
  return true;
}

} // namespace weir::detail
