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

class async_mutex;

// Lock guard: unlocks on destruction.
class [[nodiscard("it unlocks when it is destroyed")]] async_lock final {
public:
  explicit async_lock(async_mutex & m) noexcept : mutex_(m) {}
  async_lock(const async_lock&) = delete;
  async_lock& operator=(const async_lock&) = delete;
  ~async_lock();

private:
  async_mutex& mutex_;
};

class mutex_step final : public queued_step {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "mutex";

  explicit mutex_step(async_mutex& m) noexcept : mutex_(&m) {}

  bool start(waiter& w, task_core*) noexcept;
  bool on_cancel(waiter&) noexcept;
  async_lock finish() {
    if (ended_by_cancel())
      throw_aborted();
    return async_lock(*mutex_);
  }

private:
  async_mutex* mutex_;
};

// A mutex that suspends the tasks that wait for it; first come, first served.
class async_mutex final {
public:
  async_mutex() = default;
  async_mutex(const async_mutex&) = delete;
  async_mutex& operator=(const async_mutex&) = delete;

  operation<mutex_step> lock() noexcept {
    return operation<mutex_step>(std::in_place, *this);
  }

private:
  friend class mutex_step;
  friend class async_lock;

  bool enter(mutex_step& step, waiter& w) noexcept {
    std::lock_guard held(lock_);
    if (!locked_)
      return locked_ = true;
    enqueue(waiting_, step, w);
    return false;
  }
  bool leave_queue(mutex_step& step) noexcept {
    std::lock_guard held(lock_);
    return withdraw(waiting_, step);
  }
  void pass_on() noexcept {
    queued_step* next = nullptr;
    {
      std::lock_guard held(lock_);
      next = dequeue(waiting_);
      locked_ = next != nullptr;
    }
    if (next != nullptr)
      complete_step(*next);
  }

  spin_lock lock_;
  bool locked_ = false; // under lock_
  step_queue waiting_;  // under lock_
};

inline async_lock::~async_lock() { mutex_.pass_on(); }

// When false, *this may be destroyed.
inline bool mutex_step::start(waiter& w, task_core*) noexcept {
  return mutex_->enter(*this, w);
}
inline bool mutex_step::on_cancel(waiter&) noexcept {
  if (!mutex_->leave_queue(*this))
    return false;
  abort();
  return true;
}

} // namespace weir::detail
