// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <string>

namespace weir::detail {

class runtime_core;

// The tasks of a deterministic runtime, none of which runs at the moment, the
// groups they made, and what each waits for.
struct task_tree {
  // Lines that are indented by two spaces for each level.
  static std::string print(runtime_core& runtime);
  // True if a task waits for what weir does not run, or another thread wakes
  // one.
  static bool may_go_on(runtime_core& runtime);
};

} // namespace weir::detail
