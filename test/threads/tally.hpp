// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "cell.hpp"

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::test::threads {

/// How an iteration, or something in it, may end.
enum class outcome {
  cancelled_in_time,
  cancelled_too_late,
  spawn_refused,
  spawn_after_join,
  siblings_cancelled,
  siblings_done,
  first_failed_first,
  second_failed_first,
  deadline_passed,
  deadline_met,
  stopped_in_time,
  stopped_too_late,
  destroyed_in_time,
  destroyed_too_late,
  swallowed,
  bad_alloc_reported,
  allocations_done,
  unwound,
};

inline constexpr std::array outcome_names{
    "cancelled in time",
    "cancelled too late",
    "spawn refused because of a cancellation",
    "spawn refused because join had completed",
    "an error cancelled siblings",
    "an error came when all siblings had ended",
    "two failed, the first to be spawned first",
    "two failed, the second to be spawned first",
    "the deadline passed",
    "the deadline was met",
    "stopped while children lived",
    "stopped after the last child",
    "destroyed while children lived",
    "destroyed after the last child",
    "a child swallowed its cancellation",
    "join reported bad_alloc",
    "the allocation that was to fail never came",
    "a child was unwound",
};

/// How a child ended.
enum class child_end {
  dropped, // its frame was destroyed, by an unwinding or a stop
  returned,
  swallowed, // it was cancelled, and returned
  aborted,
  threw,
};
inline constexpr std::size_t child_ends = 5;

/// Counts what happened in all iterations. Thread safety: any thread.
class tally final {
public:
  void saw(outcome o) noexcept { ++outcomes_[static_cast<std::size_t>(o)]; }
  void saw(place p, child_end e, bool was_stopped) noexcept {
    auto& ends = was_stopped ? stopped_ : ends_;
    ++ends[static_cast<std::size_t>(p)][static_cast<std::size_t>(e)];
  }
  /// One thread only.
  void saw(std::size_t cell, std::uint64_t faults, std::uint64_t tasks) {
    ++iterations_;
    seen_.set(cell);
    faults_ += faults;
    tasks_ += tasks;
  }

  /// What can happen but has not; empty if everything has.
  std::string missing() const;
  /// The last line of a run.
  std::string line() const;

private:
  using count = std::atomic<std::uint64_t>;
  using end_counts = std::array<std::array<count, child_ends>, places>;

  std::uint64_t total(child_end e) const;

  std::array<count, outcome_names.size()> outcomes_{};
  end_counts ends_{};
  end_counts stopped_{};
  std::bitset<cells> seen_;
  std::uint64_t iterations_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t tasks_ = 0;
};

} // namespace weir::test::threads
