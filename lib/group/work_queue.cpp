// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/teardown.hpp>
#include <weir/detail/group/work_state.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/error.hpp>

#include <boost/asio/error.hpp>

#include <cstdio>
#include <exception>
#include <mutex>

namespace weir::detail {

work_state::~work_state() {
  if (in_teardown())
    forsake_all();
  std::lock_guard held(lock_);
  if (drainers_.empty())
    return;
  std::fputs("weir: a work_queue was destroyed while somebody drains it\n",
             stderr);
  std::terminate();
}

void work_state::forsake_all() noexcept {
  const auto next = [this] {
    std::lock_guard held(lock_);
    return dequeue(drainers_);
  };
  while (queued_step* const step = next()) {
    static_cast<drain_step*>(step)->abort();
    orphan(*step);
  }
}

void work_state::end(std::size_t count) noexcept {
  // acq_rel: the waiter that is completed sees what all ended work did.
  if (count == 0 ||
      pending_.fetch_sub(count, std::memory_order_acq_rel) != count)
    return;
  step_queue woken;
  {
    std::lock_guard held(lock_);
    while (queued_step* const step = dequeue(drainers_))
      woken.push_back(*step);
  }
  complete_all(woken);
}

void work_state::abandon() noexcept {
  step_queue woken;
  {
    std::lock_guard held(lock_);
    abandoned_ = true;
    while (queued_step* const step = dequeue(drainers_)) {
      static_cast<drain_step*>(step)->abort();
      woken.push_back(*step);
    }
  }
  complete_all(woken);
}

bool work_state::start(queued_step& step,
                       waiter& who,
                       const task_core* self) noexcept {
  auto& drains = static_cast<drain_step&>(step);
  // relaxed: see set_owner().
  if (self != nullptr &&
      self->owner() == owner_.load(std::memory_order_relaxed)) {
    drains.refuse(errc::would_deadlock);
    return true;
  }
  std::lock_guard held(lock_);
  // Work that ends after this check finds the step in the queue: end() takes
  // the lock after it has counted.
  if (pending() == 0)
    return true;
  if (abandoned_) {
    drains.abort();
    return true;
  }
  enqueue(drainers_, step, who);
  return false;
}

bool work_state::withdraw(queued_step& step) noexcept {
  std::lock_guard held(lock_);
  return detail::withdraw(drainers_, step);
}

bool drain_step::start(waiter& w, task_core* self) noexcept {
  return state_->start(*this, w, self != nullptr ? self : current_task());
}

bool drain_step::on_cancel(waiter&) noexcept {
  if (is_orphaned() || !state_->withdraw(*this))
    return false;
  abort();
  return true;
}

void drain_step::finish() const {
  if (code_)
    throw_code(code_);
}

} // namespace weir::detail
