// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstdint>

namespace weir::detail {

class task_core;

// A deadline in one of a runtime's timing wheels. Intrusive: lives in what
// waits. Guarded by the wheel's lock while armed.
struct timer_entry {
  // On a pool thread with no lock held, unless disarmed: ends the wait of
  // `task`, or calls a timer_function. *this may be destroyed when it returns.
  void fire() noexcept;

  timer_entry* prev = nullptr;
  timer_entry* next = nullptr;
  std::uint64_t tick : 44 = 0;
  std::uint64_t mark : 4 = 0; // its owner's, while it is not armed
  std::uint8_t place = 0;     // where in the wheel; 0: not armed
  std::uint8_t shard = 0;     // which wheel; set before it is armed
  union {
    task_core* task = nullptr; // null: it is a timer_function
    std::int64_t value;        // its owner's, until it is armed
  };
};

// One that calls `function`.
struct timer_function : timer_entry {
  using function_type = void (*)(timer_function&) noexcept;

  explicit timer_function(function_type f) noexcept : function(f) {}

  function_type function;
};

} // namespace weir::detail
