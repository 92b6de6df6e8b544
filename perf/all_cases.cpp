// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "cases.hpp"

namespace weir::perf {

std::vector<perf_case> all_cases() {
  return {sleep10_case(),
          spawn_join_case(),
          yield_case(),
          skynet_case(),
          fib_case(),
          nqueens_case(),
          matmul_case(),
          groups_1_case(),
          groups_2_case(),
          groups_8_case(),
          groups_32_case(),
          groups_yield_case(),
          groups_sleep_case(),
          nested_case(),
          first_error_case(),
          first_error_timers_case(),
          first_error_sockets_case(),
          timeout_churn_case(),
          awaitable_children_case(),
          transform_case(),
          for_each_case(),
          ordered_stream_case(),
          limiter_free_case(),
          limiter_contended_case(),
          channel_flow_case(),
          channel_ping_case(),
          echo_case(),
          parked_case(),
          idle_case(),
          latency_case(),
          fairness_case(),
          compile_time_case()};
}

} // namespace weir::perf
