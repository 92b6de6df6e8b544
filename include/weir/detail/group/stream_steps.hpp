// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>

#include "group_access.hpp"
#include "stream_round.hpp"

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace weir {

template <typename T>
class ordered_stream;

namespace detail {

// A child of a stream: runs one task, and delivers if it is its turn.
template <typename T>
task<> run_in_stream(stream_round<T>& round, task<T> work) {
  task_core& self = co_await this_core();
  std::uint64_t index = self.index;
  outcome<T> ended =
      co_await outcome_of<T>(std::move(work), if_abandoned::failed);
  if (ended.is_stopped())
    co_await pass_on_stop();
  std::exception_ptr failure;
  std::optional<T> value;
  bool delivers = false;
  try {
    if (!ended.has_value())
      ended.get();
    value.emplace(ended.get());
  } catch (...) {
    failure = std::current_exception();
    (void)round.failed(index, failure);
  }
  if (failure && (!round.keeps_going || round.group->is_cancelled()))
    std::rethrow_exception(std::move(failure));
  try {
    delivers = round.arrive(index, value);
  } catch (...) {
    // The order cannot be kept any more.
    failure = std::current_exception();
    (void)round.failed(index, failure);
    round.group->cancel();
  }
  for (unsigned n = 1; delivers && !round.group->is_cancelled(); ++n) {
    try {
      if (value) {
        task<> callback = round.sink.deliver(std::move(*value));
        if (callback)
          co_await std::move(callback);
      }
    } catch (...) {
      std::exception_ptr error = std::current_exception();
      (void)round.failed(index, error);
      if (!failure)
        failure = std::move(error);
    }
    value.reset();
    if (failure && !round.keeps_going)
      break;
    if (n % 64 == 0) // Callbacks that never suspend must not keep the thread.
      co_await checkpoint();
    auto* const next = round.next();
    if (next == nullptr)
      break;
    ++index;
    try {
      if (next->value)
        value.emplace(std::move(*next->value));
    } catch (...) {
      (void)round.failed(index, std::current_exception());
      if (!failure)
        failure = std::current_exception();
    }
    round.drop(next);
  }
  if (failure)
    std::rethrow_exception(std::move(failure));
}

// ordered_stream::submit as an operation: first through the gate, then as a
// spawn_step.
template <typename T>
class submit_step final : public gated_step {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "room in an ordered_stream";
  static constexpr bool yields = true;

  submit_step(std::shared_ptr<stream_round<T>> round, task<>&& child)
      : round_(std::move(round)),
        spawn_(group_access::core(*round_->group), std::move(child)) {}
  submit_step(submit_step&& other) noexcept
      : gated_step(std::move(other)), round_(std::move(other.round_)),
        spawn_(std::move(other.spawn_)) {}

  // When false, *this may be destroyed.
  bool start(waiter& w, task_core* self) noexcept {
    self_ = self;
    if (round_->gate.is_shut() && !runs_in(core(), self)) {
      std::lock_guard held(round_->lock);
      if (!round_->gate.passes(*this, w))
        return false;
    }
    return spawn_.start(w, self);
  }
  bool on_cancel(waiter& w) noexcept {
    {
      std::lock_guard held(round_->lock);
      if (phase_ == phase::starting) {
        cancelled_ = true; // proceed() sees to it.
        return false;
      }
      if (phase_ == phase::gated) {
        (void)round_->gate.withdraw(*this);
        phase_ = phase::open;
        spawn_.abort();
        return true;
      }
    }
    return spawn_.on_cancel(w);
  }
  void keep_alive() noexcept { spawn_.keep_alive(); }
  void abort() noexcept { spawn_.abort(); }
  bool ended_by_cancel() const noexcept { return spawn_.ended_by_cancel(); }
  void finish() { spawn_.finish(); }
  auto arguments() { return spawn_.arguments(); }
  executor fallback_executor() const noexcept {
    return spawn_.fallback_executor();
  }
  bool is_of_many() const noexcept { return spawn_.is_of_many(); }

private:
  // Completes a spawn_ that proceed() started.
  struct relay final : waiter {
    explicit relay(submit_step& s) noexcept : waiter(&relay::pass_on), to(s) {}
    static void pass_on(waiter& w) noexcept {
      submit_step& s = static_cast<relay&>(w).to;
      {
        std::lock_guard held(s.round_->lock);
        if (s.phase_ == phase::starting) {
          s.spawned_ = true; // proceed() completes it.
          return;
        }
      }
      complete_step(s); // s may be destroyed.
    }
    submit_step& to;
  };

  const group_core& core() const noexcept {
    return group_access::core(*round_->group);
  }

  // Another thread than the waiter's: until phase_ is open again, or the
  // waiter was completed, *this stays.
  void proceed() noexcept override {
    relay_.emplace(*this);
    bool done = self_ != nullptr ? spawn_.start(*relay_, self_)
                                 : spawn_.start_for_others(*relay_);
    const auto round = round_; // Its lock outlives *this.
    for (bool completed = false; !done;) {
      std::unique_lock held(round->lock);
      done = spawned_;
      if (!done && (completed || !cancelled_)) {
        phase_ = phase::open;
        return; // *this may be destroyed once the lock is free.
      }
      held.unlock();
      if (!done) {
        completed = true;
        done = spawn_.on_cancel(*relay_);
      }
    }
    {
      std::lock_guard held(round->lock);
      phase_ = phase::open;
    }
    complete_step(*this); // *this may be destroyed.
  }

  std::shared_ptr<stream_round<T>> round_;
  spawn_step spawn_;
  task_core* self_ = nullptr;
  std::optional<relay> relay_;
  bool cancelled_ = false; // under the round's lock
  bool spawned_ = false;   //
};

// ordered_stream::join as an operation: a join_step; a clean one begins a new
// round.
template <typename T>
class stream_join_step final : public join_step {
public:
  stream_join_step(ordered_stream<T>& stream,
                   std::shared_ptr<stream_round<T>> round) noexcept
      : join_step(group_access::core(*round->group)), stream_(&stream),
        round_(std::move(round)) {}

  bool start(waiter& w, task_core* task) noexcept {
    deadlock_ = runs_in(group_access::core(*round_->group), task);
    return join_step::start(w, task); // When false, *this may be destroyed.
  }
  bool ended_by_cancel() const noexcept {
    return join_step::ended_by_cancel() && !round_->errors.any();
  }
  void finish() {
    if (std::exception_ptr error = std::get<0>(arguments()))
      std::rethrow_exception(std::move(error));
  }
  std::tuple<std::exception_ptr> arguments() {
    try {
      std::exception_ptr error = std::get<0>(join_step::arguments());
      if (!deadlock_ && round_->errors.any())
        error = round_->errors.get();
      if (!error && !round_->group->is_cancelled())
        stream_->renew(round_);
      return {error};
    } catch (...) {
      return {std::current_exception()};
    }
  }

private:
  ordered_stream<T>* stream_;
  std::shared_ptr<stream_round<T>> round_;
  bool deadlock_ = false;
};

} // namespace detail
} // namespace weir
