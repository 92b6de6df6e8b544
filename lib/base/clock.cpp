// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/clock.hpp>

#include "thread_context.hpp"
#include "virtual_clock.hpp"

#include <chrono>

namespace weir {

clock::time_point clock::now() noexcept {
  const detail::virtual_clock* const virtual_one = detail::this_thread().clock;
  return virtual_one != nullptr ? virtual_one->now
                                : std::chrono::steady_clock::now();
}

namespace detail {

clock::time_point on_steady_clock(clock::time_point deadline) noexcept {
  const virtual_clock* const virtual_one = this_thread().clock;
  // The virtual clock shows small times. A deadline ahead of it is moved to the
  // steady clock, at the same distance.
  if (virtual_one == nullptr || deadline <= virtual_one->now)
    return deadline;
  return deadline_after(deadline - virtual_one->now,
                        std::chrono::steady_clock::now());
}

clock::time_point deadline_after(clock::duration d,
                                 clock::time_point now) noexcept {
  if (d <= clock::duration::zero())
    return now;
  if (d > clock::time_point::max() - now)
    return clock::time_point::max();
  return now + d;
}

} // namespace detail
} // namespace weir
