// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstdint>

namespace weir::test::model {

/// What happened over many programs, to see that all of it does. Shared by two
/// processes, so numbers only.
struct tally {
  std::uint64_t runs, steps, spawned, waited, lent, refused, closed, full,
      overloaded, gave_up, failed, cancelled, joins_well, joins_failed,
      joins_aborted, joins_timed_out, would_deadlock, reopened, nested,
      timed_out, acquired, oversized, sent, received, hooks, ready, ready_ended;
  std::uint64_t faults_delay, faults_cancel, faults_throw, faults_memory,
      faults_stop;
};

} // namespace weir::test::model
