// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>

#include <concepts>

namespace weir::detail {

// The waiter for one of our operations: a suspended task or an Asio
// handler. A step that parks one calls `complete` exactly once, from any
// thread, with no lock held, unless it was withdrawn. The waiter may be
// destroyed when the call returns.
struct waiter {
  using complete_fn = void (*)(waiter&) noexcept;
  explicit waiter(complete_fn f) noexcept : complete(f) {}

  complete_fn complete;
};

class runtime_core;

// A step that waits for the end of tasks, see withdraw() above.
template <typename Step>
concept waits_for_tasks = requires(Step& step, waiter& w) {
  { step.withdraw(w) } -> std::same_as<bool>;
};

// The completion handler is that of a task which awaits the operation.
template <typename Handler>
concept task_handler = requires {
  typename Handler::awaited_in_task;
};

// On the strand of a task: its runtime ends, and has marked it.
WEIR_API bool this_task_parks() noexcept;
WEIR_API bool this_task_parks_on(const runtime_core& runtime) noexcept;

} // namespace weir::detail
