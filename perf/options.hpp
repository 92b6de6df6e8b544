// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "cases.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace weir::perf {

/// The command line of weir-perf.
struct options {
  bool wants_help = false;
  bool wants_list = false;
  bool wants_json = false;
  bool counts_allocations = true;
  std::size_t rounds = 0;
  std::vector<perf_case> cases; ///< chosen, with the loads that were asked for
  /// Internal: run one round of this library here and print what it saw.
  std::string worker;
  std::string help; ///< the text of --help
};

/// Throws: `boost::program_options::error` that names value and rule.
options parse_options(int argc, const char* const* argv);

} // namespace weir::perf
