// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "task/engine.hpp"

#include <weir/executor.hpp>

#include "runtime_core.hpp"

// What tasks need of their runtime.

namespace weir::detail {

void engine::push(runtime_core& runtime, task_core& task) noexcept {
  runtime.ready().push(task);
}

void engine::push_in_turn(runtime_core& runtime, task_core& task) noexcept {
  runtime.ready().push_in_turn(task);
}

void engine::push_next(runtime_core& runtime, task_core& task) noexcept {
  runtime.ready().push_next(task);
}

void engine::push_again(runtime_core& runtime, task_core& task) noexcept {
  runtime.ready().push_again(task);
}

void engine::push_below(runtime_core& runtime, task_core& task) noexcept {
  runtime.ready().push_below(task);
}

bool engine::on_worker_thread(runtime_core& runtime) noexcept {
  return runtime.ready().on_worker_thread();
}

void engine::arm(runtime_core& runtime,
                 timer_function& timer,
                 clock::time_point deadline) noexcept {
  runtime.timers().arm(timer, deadline);
}

bool engine::disarm(runtime_core& runtime, timer_function& timer) noexcept {
  return runtime.timers().disarm(timer);
}

bool engine::add_root(runtime_core& runtime, task_core& root) noexcept {
  return runtime.add_root(root);
}

void engine::root_has_ended(runtime_core& runtime, task_core& root) noexcept {
  runtime.remove_root(root);
  if (runtime.is_stopped())
    runtime.end_task_counted();
}

bool engine::is_cancelling(const runtime_core& runtime) noexcept {
  return runtime.is_cancelling();
}

void engine::unhandled(runtime_core& runtime,
                       const std::exception_ptr& error,
                       const char* task_name) noexcept {
  runtime.unhandled(error, task_name);
}

bool engine::is_own_thread(runtime_core& runtime) noexcept {
  return runtime.is_own_thread();
}

void engine::add_wait(runtime_core& runtime, blocking_wait& wait) noexcept {
  runtime.add_wait(wait);
}

void engine::remove_wait(runtime_core& runtime, blocking_wait& wait) noexcept {
  runtime.remove_wait(wait);
}

bool engine::run_here(runtime_core& runtime, const bool& done) {
  driver* const runs = runtime.driven_by();
  if (runs == nullptr)
    return false;
  try {
    runs->run(done);
  } catch (...) {
    runtime.stop(); // The caller may now destroy what tasks use.
    throw;
  }
  if (runtime.is_stopped())
    runtime.stop(); // A task stopped it: no other thread ends the rest.
  return true;
}

void engine::help_to_end(runtime_core& runtime,
                         blocking_wait& wait,
                         const task_owner& owner) noexcept {
  runtime.help_to_end(wait, owner);
}

bool engine::is_stopped(const runtime_core& runtime) noexcept {
  return runtime.is_stopped();
}

bool engine::is_ending(const runtime_core& runtime) noexcept {
  return runtime.is_ending();
}

bool engine::is_over(const runtime_core& runtime) noexcept {
  return runtime.is_over();
}

void engine::park(runtime_core& runtime, task_core& task) noexcept {
  runtime.park(task);
}

// executor.hpp
asio::thread_pool& pool_of(runtime_core& runtime) noexcept {
  return runtime.pool();
}

} // namespace weir::detail
