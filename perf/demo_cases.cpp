// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// weir-perf-demo: weir-perf with the two cases that ./dev demo runs, as the
// others take minutes to compile.

#include "cases.hpp"

namespace weir::perf {

std::vector<perf_case> all_cases() {
  return {sleep10_case(), spawn_join_case()};
}

} // namespace weir::perf
