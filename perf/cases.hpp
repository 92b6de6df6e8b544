// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "harness.hpp"

#include <string>
#include <vector>

namespace weir::perf {

/// One way to do a case's work.
struct contender {
  std::string library;
  sample (*run)(const workload& load);
  /// What the others are compared with.
  bool is_baseline = false;
  /// It has no cap to set: it runs without.
  bool ignores_cap = false;
};

/// One question, and who answers it.
struct perf_case {
  std::string name;
  std::string question = {}; ///< a peer's program does not repeat it
  /// Default sizes. A case whose loads are all unlimited takes no cap.
  std::vector<workload> loads;
  std::vector<contender> contenders;
  /// Seconds that physics asks for; null where it asks for none.
  double (*floor_s)(const workload& load) = nullptr;
  /// False where another process does the work.
  bool counts_allocations = true;

  bool takes_cap() const;
};

perf_case sleep10_case();
perf_case spawn_join_case();
perf_case yield_case();
perf_case skynet_case();
perf_case fib_case();
perf_case nqueens_case();
perf_case matmul_case();
perf_case groups_1_case();
perf_case groups_2_case();
perf_case groups_8_case();
perf_case groups_32_case();
perf_case groups_yield_case();
perf_case groups_sleep_case();
perf_case nested_case();
perf_case first_error_case();
perf_case first_error_timers_case();
perf_case first_error_sockets_case();
perf_case timeout_churn_case();
perf_case awaitable_children_case();
perf_case transform_case();
perf_case for_each_case();
perf_case ordered_stream_case();
perf_case limiter_free_case();
perf_case limiter_contended_case();
perf_case channel_flow_case();
perf_case channel_ping_case();
perf_case echo_case();
perf_case parked_case();
perf_case idle_case();
perf_case latency_case();
perf_case fairness_case();
perf_case compile_time_case();

/// Of this program: weir-perf's in all_cases.cpp, each peer's in its own.
std::vector<perf_case> all_cases();

} // namespace weir::perf
