// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <string>

namespace weir::perf {

/// Says on the last line of the terminal which round runs, as a table appears
/// only when all its rounds are done:
///
///     [########            ]  sleep10: asio co_spawn, cap: round 2 of 3
///
/// It writes to stderr, and nothing at all if stderr is no terminal. The line
/// vanishes with this object, in whatever way its scope is left.
class progress final {
public:
  /// `all` is the number of calls of begin() that will follow.
  progress(std::string case_name, std::size_t all);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress();

  /// What begins now, "round 2 of 3" of a library.
  void begin(const std::string& library, const std::string& what);

private:
  const std::string case_name_;
  const std::size_t all_;
  const bool is_shown_;
  std::size_t begun_ = 0;
};

} // namespace weir::perf
