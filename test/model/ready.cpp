// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/sleep.hpp>

#include "program.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

// Awaits that do not wait. A cancellation ends a loop of them like any wait: by
// the reference no await completes that begins in a cancelled task.

namespace weir::test::model {

using std::chrono::milliseconds;

namespace {

enum kind { of_task, of_limiter, of_receive, of_send, of_sleep, of_asio };
constexpr int kinds = of_asio + 1;

// Completes inside its initiation.
auto completes_inline() {
  return asio::async_initiate<const asio::deferred_t, void()>(
      [](auto handler) { std::move(handler)(); }, asio::deferred);
}

} // namespace

program::ready_plan program::plan_of(const step& s) noexcept {
  if (s.what != action::ready_loop)
    return {static_cast<int>(s.what) - static_cast<int>(action::ready_task),
            1 + s.high % 4,
            s.high >= 40 ? s.high / 2 % 4 : -1,
            s.high % 2 != 0};
  const int what = s.high / 8;
  const int awaits = 4 << (s.high % 8); // 512 take several turns
  return {what, awaits, what > kinds ? awaits / 2 : -1, s.high % 2 != 0};
}

// A task that is cancelled continues: the engine must end it.
task<> program::ready(place at, int in, ready_plan plan) {
  note(at.id, "begins awaits that are ready", plan.awaits);
  for (int i = 0; i < plan.awaits || model_.is_cancelled(at.id) || is_stopped_;
       ++i) {
    if (i == plan.cancels_at && plan.cancels_root)
      objects(at, {action::cancel_root, static_cast<std::uint8_t>(i % 4)});
    else if (i == plan.cancels_at && in != reference::none)
      interfere(at, in, {action::cancel});
    int what = plan.kind < kinds ? plan.kind : i % kinds;
    if ((what == of_limiter && !model_.permits.has_free(1)) ||
        (what == of_receive && !can_receive(at)) ||
        (what == of_send && !can_send(at)))
      what = of_task;
    const int depth = i % 3;
    ready_await one(*this, at, what == of_task && depth != 0);
    switch (what) {
    case of_task:
      co_await descend(at, depth);
      one.completed();
      break;
    case of_limiter: {
      if (one.asks())
        (void)model_.acquire(at.id, 1);
      permit got = co_await permits_.acquire(1);
      const holding held(*this, std::move(got));
      one.completed();
      break;
    }
    case of_receive: {
      if (one.asks())
        (void)model_.receive(at.id);
      const std::optional<parcel> got = co_await values_.receive();
      one.completed();
      require((got ? got->number() : reference::none) ==
                  model_.tasks[at.id].got,
              "received something else");
      break;
    }
    case of_send: {
      const int value = next_value_++;
      if (one.asks())
        (void)model_.send(at.id, value);
      send_operation<parcel> op = values_.emplace(parcels_, value);
      co_await std::move(op);
      one.completed();
      break;
    }
    case of_sleep:
      co_await sleep_for(milliseconds(-(i % 2)));
      one.completed();
      break;
    default:
      co_await completes_inline();
      one.completed();
      break;
    }
  }
}

task<> program::descend(place at, int depth) {
  if (depth == 0)
    co_return;
  ready_await one(*this, at, depth > 1);
  co_await descend(at, depth - 1);
  one.completed();
}

// True if a receive() would be ready, after a send if one is possible.
bool program::can_receive(const place& at) {
  const reference_channel& c = model_.values;
  const auto can = [&c] { return c.closed || c.has_value(); };
  if (!can())
    objects(at, {action::try_send});
  return can();
}

bool program::can_send(const place& at) {
  const reference_channel& c = model_.values;
  if (!c.closed && !c.has_room())
    objects(at, {action::try_receive});
  return !c.closed && c.has_room();
}

} // namespace weir::test::model
