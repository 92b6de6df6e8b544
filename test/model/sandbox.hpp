// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "script.hpp"
#include "tally.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace weir::test::model {

/// What a child process leaves behind, however it ends.
struct report {
  tally seen;
  std::uint64_t at; // the program that it ran last
  char why[4096];   // empty: nothing failed
  char trace[1 << 16];
};

/// Runs `work` in a child process, for programs that may crash or hang. The
/// report is all zeros at first; "signal N" or "it hangs" is added to it. One
/// at a time; each overwrites the report of the one before.
///
/// Throws: `std::system_error` if there are no more processes.
const report& run_apart(unsigned seconds,
                        const std::function<void(report&)>& work);

/// In such a process: runs the program and records how it fails.
void run_program(const bytes& text, report& into, int flaw, bool traced);

/// Two failures of the same kind count as the same.
std::string kind_of(const char* why);

} // namespace weir::test::model
