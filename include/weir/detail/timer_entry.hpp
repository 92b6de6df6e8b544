// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstdint>

namespace weir::detail {

class task_core;

// A deadline in one of a runtime's timing wheels. Intrusive: lives in what
// waits. Guarded by the wheel's lock while armed.
struct timer_entry {
  using fire_fn = void (*)(timer_entry&) noexcept;

  // `f` is called on a pool thread with no lock held, unless disarmed.
  explicit timer_entry(fire_fn f) noexcept : fire(f) {}

  fire_fn fire;
  timer_entry* prev = nullptr;
  timer_entry* next = nullptr;
  std::uint64_t tick : 48 = 0;
  std::uint64_t place : 16 = 0; // where in the wheel; 0: not armed
  task_core* task = nullptr;    // whose wait it ends, if any
  std::uint8_t shelf = 0;       // which wheel; set before it is armed
};

} // namespace weir::detail
