// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "explorer.hpp"

#include <array>
#include <csetjmp>
#include <cstddef>
#include <memory>
#include <ucontext.h>

namespace weir::test {

/// What the C++ runtime stores about a thread's exceptions.
struct thrown_exceptions {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

struct explorer::fiber {
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  std::jmp_buf jump{};
  void* tsan = nullptr;
  thrown_exceptions thrown;
  bool has_jump = false; // else it is entered through its context
  bool ended = false;
  bool paused = false;
  std::size_t delayed = 0;
  std::array<store, most_delayed> stores;
};

} // namespace weir::test
