// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>

#include <concepts>

namespace weir::detail {

// Somebody who waits for one of our operations: a suspended task or an Asio
// handler. A step that parks one calls `complete` exactly once, from any
// thread, with no lock held, unless it was withdrawn. The waiter may be gone
// when the call returns.
//
// A step is moved only before it is started. It is a class with
//   using signature;                       completion signature for tokens
//   bool start(waiter&, task_core* self)   true: completed at once
//   bool on_cancel(waiter&)                true: withdrawn, and abort() was
//                                          called; false: completion follows
//   bool withdraw(waiter&)                 only if it waits for the end of
//                                          tasks, at the end of the runtime:
//                                          as on_cancel(), but does not wait
//                                          for them
//   void keep_alive()                      own what the waiter may outlive
//   void abort()                           the outcome is operation_aborted;
//                                          of one that starts_cancelled and was
//                                          complete at once: unless it failed
//   bool ended_by_cancel() const           finish() would throw that
//   auto finish()                          result for a task; may throw
//   auto arguments()                       tuple of completion arguments
//   auto fallback_executor()               where a handler goes by default
//   static constexpr bool starts_cancelled start even in a cancelled task
//   static constexpr bool yields           let others run if many are ready
//
// One with `task_core* waiting_task()`, its task once it is started, takes no
// waiter and calls task_core::end_wait() instead.
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

// On the strand of a task: it has been told that its runtime ends.
WEIR_API bool this_task_parks() noexcept;
WEIR_API bool this_task_parks_on(const runtime_core& runtime) noexcept;

} // namespace weir::detail
