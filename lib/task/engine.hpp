// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>

#include <exception>

namespace weir::detail {

class blocking_wait;
class runtime_core;
class task_core;
class task_owner;
struct timer_function;

// What a task needs from the runtime that it runs on. This room declares the
// functions, and the runtime's room defines them, in engine.cpp: so the
// code of a task depends on no scheduler, no thread pool and no end of a
// runtime. They are not virtual, as there is one kind of runtime and the first
// three are called for each turn of a task; link-time optimisation inlines
// them.
namespace engine {

// --- the ready queue ---

void push(runtime_core& runtime, task_core& task) noexcept;
// Before everything else, on this worker: the running task is about to suspend.
void push_next(runtime_core& runtime, task_core& task) noexcept;
// Behind what is ready on this worker.
void push_in_turn(runtime_core& runtime, task_core& task) noexcept;
// Behind everything that is ready.
void push_again(runtime_core& runtime, task_core& task) noexcept;
// Behind what the task has made ready since it was resumed.
void push_below(runtime_core& runtime, task_core& task) noexcept;
bool on_worker_thread(runtime_core& runtime) noexcept;

// --- timers ---

void arm(runtime_core& runtime,
         timer_function& timer,
         clock::time_point deadline) noexcept;
// False: it has fired, or is about to.
[[nodiscard]] bool disarm(runtime_core& runtime,
                          timer_function& timer) noexcept;

// --- root tasks ---

// False: the runtime is stopped, or being destroyed.
[[nodiscard]] bool add_root(runtime_core& runtime, task_core& root) noexcept;
// Its frames are destroyed.
void root_has_ended(runtime_core& runtime, task_core& root) noexcept;
// Root tasks that are started now are cancelled at once.
bool is_cancelling(const runtime_core& runtime) noexcept;
// Reports an exception that no other code will see.
void unhandled(runtime_core& runtime,
               const std::exception_ptr& error,
               const char* task_name) noexcept;

// --- threads in runtime::run() ---

bool is_own_thread(runtime_core& runtime) noexcept;
void add_wait(runtime_core& runtime, blocking_wait& wait) noexcept;
void remove_wait(runtime_core& runtime, blocking_wait& wait) noexcept;
// A runtime without threads: this thread runs its tasks until `done`, and
// throws what stops it before. False: it has threads, and nothing was done.
bool run_here(runtime_core& runtime, const bool& done);
// For the task of `owner`: helps to destroy its frames, until `wait` is done.
void help_to_end(runtime_core& runtime,
                 blocking_wait& wait,
                 const task_owner& owner) noexcept;

// --- the end ---

// stop() has begun, or the destructor has waited for all tasks.
bool is_stopped(const runtime_core& runtime) noexcept;
// All tasks are parked: their frames are destroyed.
bool is_ending(const runtime_core& runtime) noexcept;
// All frames are destroyed.
bool is_over(const runtime_core& runtime) noexcept;
// On the strand of a task that will not be resumed any more; the strand stays
// held. The task may be destroyed before the call returns.
void park(runtime_core& runtime, task_core& task) noexcept;

} // namespace engine
} // namespace weir::detail
