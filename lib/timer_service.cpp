// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "timer_service.hpp"

#include <boost/asio/error.hpp>

namespace weir::detail {

namespace {
constexpr std::chrono::milliseconds tick_length{1};
constexpr std::size_t batch = 64;
} // namespace

timer_service::timer_service(asio::thread_pool& pool) : timer_(pool) {}

std::uint64_t timer_service::tick_after(clock::time_point t) const noexcept {
  if (t <= epoch_)
    return 0;
  // In whole ticks, rounded up: never early. No overflow at max().
  const auto since = t - epoch_;
  const auto ticks = since / tick_length;
  const bool exact = since % tick_length == clock::duration::zero();
  return static_cast<std::uint64_t>(ticks) + (exact ? 0 : 1);
}

std::uint64_t timer_service::tick_now() const noexcept {
  return static_cast<std::uint64_t>((clock::now() - epoch_) / tick_length);
}

void timer_service::arm(timer_entry& entry,
                        clock::time_point deadline) noexcept {
  const std::uint64_t tick = tick_after(deadline);
  std::uint64_t due = 0;
  {
    std::lock_guard held(lock_);
    wheel_.arm(entry, tick);
    due = wheel_.next_event();
  }
  // relaxed: a hint. driven_for_ only gets later under driver_lock_ by fire(),
  // which looks at the wheel after that and so sees this entry.
  if (due < driven_for_.load(std::memory_order_relaxed))
    drive();
}

bool timer_service::disarm(timer_entry& entry) noexcept {
  std::lock_guard held(lock_);
  return wheel_.disarm(entry);
}

std::size_t timer_service::pending() const noexcept {
  std::lock_guard held(lock_);
  return wheel_.size();
}

// Any thread, no lock held but perhaps a group's.
void timer_service::drive() noexcept {
  std::lock_guard held(driver_lock_);
  if (!timer_)
    return; // The runtime is on its way out.
  std::uint64_t due = 0;
  {
    std::lock_guard wheel_held(lock_);
    due = wheel_.next_event();
  }
  // relaxed: under driver_lock_.
  if (due >= driven_for_.load(std::memory_order_relaxed))
    return;
  driven_for_.store(due, std::memory_order_relaxed);
  timer_->expires_at(epoch_ + due * tick_length); // Aborts the last wait.
  timer_->async_wait([this](const boost::system::error_code& ec) {
    if (ec != asio::error::operation_aborted)
      fire();
  });
}

// A pool thread.
void timer_service::fire() noexcept {
  {
    std::lock_guard held(driver_lock_);
    driven_for_.store(timing_wheel::never, std::memory_order_relaxed);
  }
  // In small batches: the entries are cold, and the lock is wanted.
  const std::uint64_t now = tick_now();
  for (;;) {
    timer_entry* due = nullptr;
    {
      std::lock_guard held(lock_);
      due = wheel_.advance(now, batch);
    }
    if (due == nullptr)
      break;
    while (due != nullptr) {
      timer_entry* entry = due;
      due = due->next; // The entry may be gone after fire.
      __builtin_prefetch(due);
      entry->fire(*entry);
    }
  }
  drive();
}

} // namespace weir::detail
