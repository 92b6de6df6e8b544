// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/operation_base.hpp>

#include "any_channels.hpp"
#include "channel_impl.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

namespace weir::detail {

// The locks of all channels; of each once, should it be given twice. A list of
// its own: nothing of the step is touched once the first is free.
template <typename List>
class channel_locks final {
public:
  explicit channel_locks(List&& locks) noexcept : all_(std::move(locks)) {
    std::sort(all_.begin(), all_.end(), std::less<>());
    std::fill(std::unique(all_.begin(), all_.end()), all_.end(), nullptr);
    for (spin_lock* l : all_)
      if (l != nullptr)
        l->lock();
  }
  channel_locks(const channel_locks&) = delete;
  channel_locks& operator=(const channel_locks&) = delete;
  ~channel_locks() { unlock(); }

  void unlock() noexcept {
    for (spin_lock*& l : all_)
      if (spin_lock* const held = std::exchange(l, nullptr))
        held->unlock();
  }
  // Of one only, if it is held still.
  void unlock(spin_lock& one) noexcept {
    const auto found = std::find(all_.begin(), all_.end(), &one);
    if (found != all_.end()) {
      *found = nullptr;
      one.unlock();
    }
  }

private:
  List all_; // null: not held, or not any more
};

// weir::receive_any as an operation. It waits in all channels at once; the
// thread that serves it takes the claim, under its channel's lock, and takes it
// out of the other queues before it is completed.
template <typename Channels>
class receive_any_step final : public coded_operation, waiter {
public:
  using result = typename Channels::result;
  using signature = void(boost::system::error_code, result);
  static constexpr const char* waits_for = "channel receive, any of several";

  template <typename... Args>
  explicit receive_any_step(std::in_place_t, Args&&... args)
      : waiter(&receive_any_step::served),
        channels_(std::forward<Args>(args)...) {}
  // Only before it is started.
  receive_any_step(receive_any_step&& other) noexcept
      : waiter(&receive_any_step::served),
        channels_(std::move(other.channels_)) {}

  bool start(waiter& w, task_core*) noexcept {
    who_ = &w;
    // Only a step like this holds two of these locks, in this order.
    channel_locks held(channels_.locks());
    std::size_t open = 0;
    if (channels_.each([&](auto& core, auto& entry) {
          const auto what = core.take(entry.value);
          if (what.source == decltype(what.source)::nowhere) {
            open += !core.is_over();
            return false;
          }
          (void)claim_.take(); // by itself
          held.unlock();
          core.collect(what, entry.value);
          return true;
        }))
      return true;
    if (open == 0) {
      (void)claim_.take(); // as above
      return true;
    }
    // relaxed: published by the locks.
    claim_.open.store(open, std::memory_order_relaxed);
    channels_.each([&](auto& core, auto& entry) {
      if (core.is_over()) {
        // First of all: the thread that serves the step waits for the locks of
        // those in which it is queued, and this channel may go with the step.
        held.unlock(core.lock);
      } else {
        entry.claim = &claim_;
        entry.in_many = &claim_;
        core.wait(entry, *this);
      }
      return false;
    });
    return false; // When the locks are released, *this may be destroyed.
  }

  bool on_cancel(waiter&) noexcept {
    if (!claim_.take())
      return false;
    leave_queues();
    abort();
    return true;
  }

  result finish() {
    if (code_)
      throw_code(code_);
    return channels_.received();
  }
  std::tuple<boost::system::error_code, result> arguments() noexcept {
    return {code_, channels_.received()};
  }

private:
  void leave_queues() noexcept {
    channels_.each([](auto& core, auto& entry) {
      if (!entry.is_orphaned())
        (void)core.withdraw(entry);
      return false;
    });
  }

  // Any thread, no lock held, the claim taken.
  static void served(waiter& w) noexcept {
    auto& self = static_cast<receive_any_step&>(w);
    self.leave_queues();
    self.who_->complete(*self.who_);
  }

  Channels channels_;
  receive_claim claim_;
  waiter* who_ = nullptr;
};

} // namespace weir::detail
