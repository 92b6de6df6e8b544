// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstdint>

namespace weir::test::model {

/// Counts what happened over many programs, to check that everything happens.
/// Shared by two processes, so it contains only numbers.
struct tally {
  std::uint64_t runs, steps, spawned, waited, lent, refused, closed, full,
      overloaded, gave_up, failed, cancelled, joins_well, joins_failed,
      joins_aborted, joins_timed_out, would_deadlock, reopened, nested,
      timed_out, acquired, oversized, sent, received, hooks, ready, ready_ended;
  std::uint64_t faults_delay, faults_cancel, faults_throw, faults_memory,
      faults_stop;
};

} // namespace weir::test::model
