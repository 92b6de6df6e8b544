// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "cell.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace weir::test::threads {

struct options {
  /// Prints the usage and ends the process when it does not understand them.
  options(int argc, char** argv);

  double seconds = 5;
  std::uint64_t seed;
  std::optional<std::uint64_t> iteration; // only this one, repeatedly
  std::optional<std::size_t> threads;
  std::optional<std::size_t> cap;
  std::optional<fault> what;

  /// True if only some of the cells are run.
  bool is_partial() const noexcept {
    return iteration || threads || cap || what;
  }
  /// The index of the cell of an iteration.
  std::size_t cell_of(std::uint64_t iteration) const;
  /// A command that runs the iteration again.
  std::string rerun(std::uint64_t iteration) const;
};

} // namespace weir::test::threads
