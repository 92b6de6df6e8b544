// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "explorer/hand_timer.hpp"

#include <weir/detail/base/sync.hpp>

#include "explorer/explorer.hpp"

#include <mutex>
#include <utility>

namespace weir::test {

namespace {
// As Asio's own lock: no other fiber runs while it is held.
detail::basic_spin_lock<detail::std_sync> lock;
hand_timer::handler waits; // under lock
} // namespace

hand_timer::handler hand_timer::take() {
  std::lock_guard held(lock);
  return std::exchange(waits, nullptr);
}

void hand_timer::async_wait(handler h) {
  {
    std::lock_guard held(lock);
    waits = std::move(h);
  }
  if (explorer* const e = explorer::active(); e != nullptr)
    e->wrote();
}

bool hand_timer::expire() {
  if (explorer* const e = explorer::active(); e != nullptr)
    e->step();
  const handler h = take();
  if (h)
    h({});
  return h != nullptr;
}

} // namespace weir::test
