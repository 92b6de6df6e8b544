// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "queued_step.hpp"
#include "shared_claim.hpp"

namespace weir::detail {

// A step that takes something from its object or gives something to it, for
// itself or as one of several waits of which only some may take effect.
class contending_step : public queued_step {
public:
  // Before it is started: takes effect only if it gets a share of `all`, and
  // says so in `claimed`. If it does not, it ends as if it was cancelled, or
  // waits until it is.
  void contend(shared_claim& all, bool& claimed) noexcept {
    claim = &all;
    claimed_ = &claimed;
  }
  // Its claim was taken, if it has one. Lock held, or not queued.
  void takes_effect() noexcept {
    if (claimed_ != nullptr)
      *claimed_ = true; // Read after its completion.
  }

  shared_claim* claim = nullptr;

protected:
  contending_step() = default;
  // Only before it is started.
  contending_step(contending_step&& other) noexcept
      : queued_step(static_cast<queued_step&&>(other)), claim(other.claim),
        claimed_(other.claimed_) {}
  ~contending_step() = default;

private:
  bool* claimed_ = nullptr;
};

// Lock held: the first in `queue`, which holds such steps, that may be served
// by a waiter or caller with the claim `mine`, taken out; null if there is
// none. Both claims are taken, unless `mine` is spent. A step with a spent
// claim leaves the queue itself.
inline contending_step*
first_served(step_queue& queue, shared_claim* mine, bool& too_late) noexcept {
  using meeting = shared_claim::meeting;
  for (queued_step* step = queue.first(); step != nullptr; step = step->next) {
    auto* const w = static_cast<contending_step*>(step);
    const meeting what = shared_claim::meet(mine, w->claim);
    if (what == meeting::agreed) {
      (void)withdraw(queue, *w);
      w->takes_effect();
      return w;
    }
    if (what == meeting::arrives_late) {
      too_late = true;
      return nullptr;
    }
  }
  return nullptr;
}

} // namespace weir::detail
