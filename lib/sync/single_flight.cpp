// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/sync/flight.hpp>
#include <weir/error.hpp>

#include "runtime/runtime_core.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/system/system_error.hpp>

#include <cstdio>

namespace weir::detail {

void flight::deliver(task_core&) noexcept { board_->end(*this); }

task_core* flight::maker() const noexcept { return board_->maker(); }

void flight_board::handle_gone() noexcept {
  std::unique_lock held(lock_);
  if (in_flight_ == 0 || runtime_.is_stopped())
    return;
  std::fprintf(stderr,
               "weir: a single_flight was destroyed with %zu calls in flight, "
               "for which %zu wait\n",
               in_flight_,
               waiting_);
  std::terminate();
}

std::size_t flight_board::waiting() const noexcept {
  std::lock_guard held(lock_);
  return waiting_;
}

std::size_t flight_board::in_flight() const noexcept {
  std::lock_guard held(lock_);
  return in_flight_;
}

void flight_board::begin(std::shared_ptr<flight> call) noexcept {
  ++in_flight_;
  flight& f = *call;
  f.self = std::move(call);
}

void flight_board::add(flight& call, queued_step& step, waiter& who) noexcept {
  enqueue(call.waiters, step, who);
  ++call.waiting;
  ++call.callers;
  ++waiting_;
}

void flight_board::started(flight& call, const task_ref& core) noexcept {
  bool cancel = false;
  {
    std::lock_guard held(lock_);
    if (call.has_ended)
      return;
    call.core = core;
    cancel = call.is_cancelled;
  }
  if (cancel)
    core->whole().request(asio::cancellation_type::terminal);
}

bool flight_board::leave(queued_step& step,
                         flight& call,
                         bool& is_leaving) noexcept {
  task_ref core;
  {
    std::lock_guard held(lock_);
    if (!step.queued)
      return false;
    if (call.waiting > 1) {
      (void)detail::withdraw(call.waiters, step);
      --call.waiting;
      --waiting_;
      return true;
    }
    is_leaving = true;
    if (call.is_cancelled)
      return false;
    call.is_cancelled = true;
    if (std::exchange(call.is_listed, false))
      unlist(call);
    core = call.core;
  }
  if (core)
    core->whole().request(asio::cancellation_type::terminal);
  return false;
}

bool flight_board::withdraw(queued_step& step, flight& call) noexcept {
  std::lock_guard held(lock_);
  if (!detail::withdraw(call.waiters, step))
    return false;
  --call.waiting;
  --waiting_;
  return true;
}

void flight_board::end(flight& call) noexcept {
  std::shared_ptr<flight> alive;
  task_ref core;
  step_queue woken;
  {
    std::lock_guard held(lock_);
    call.has_ended = true;
    call.is_shared = call.callers > 1;
    if (std::exchange(call.is_listed, false))
      unlist(call);
    while (queued_step* const step = dequeue(call.waiters))
      woken.push_back(*step);
    waiting_ -= std::exchange(call.waiting, 0);
    --in_flight_;
    alive = std::move(call.self);
    core = std::move(call.core);
  }
  complete_all(woken);
}

void throw_flight_waits_for_itself() {
  throw boost::system::system_error(
      errc::would_deadlock,
      "weir::single_flight::run: the call for a key asked for that key");
}

} // namespace weir::detail
