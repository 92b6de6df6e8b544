// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <chrono>

namespace weir {

/// The clock of every deadline in weir: `std::chrono::steady_clock`, or the
/// virtual clock of a testing::deterministic_runtime on the thread that made
/// it.
struct clock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;

  WEIR_API static time_point now() noexcept;
};

namespace detail {

// `now` + `d`, saturated: `now` for a negative duration, time_point::max() for
// a huge one.
WEIR_API clock::time_point
deadline_after(clock::duration d,
               clock::time_point now = clock::now()) noexcept;

// Converts `deadline` for Asio's timers, which use the steady clock only.
WEIR_API clock::time_point on_steady_clock(clock::time_point deadline) noexcept;

// Rounds up to the clock's resolution, so that a sleep is never too short.
// Saturates, so that hours::max() does not overflow. Not-a-number gives zero.
template <typename Rep, typename Period>
clock::duration saturated(std::chrono::duration<Rep, Period> d) noexcept {
  using seconds = std::chrono::duration<double>;
  if (d != d)
    return clock::duration::zero(); // not a number
  if (std::chrono::duration_cast<seconds>(d) >=
      std::chrono::duration_cast<seconds>(clock::duration::max()))
    return clock::duration::max();
  if (std::chrono::duration_cast<seconds>(d) <=
      std::chrono::duration_cast<seconds>(clock::duration::min()))
    return clock::duration::min();
  return std::chrono::ceil<clock::duration>(d);
}

} // namespace detail

} // namespace weir
