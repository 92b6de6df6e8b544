// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/root_task.hpp>

#include "engine.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace weir::detail {

task_ref start_root(runtime_core& runtime, unstarted work, root_task& owner) {
  task_core* core = nullptr;
  try {
    core = new task_core(runtime, owner, *work.root);
  } catch (...) {
    work.root->handle().destroy();
    throw;
  }
  core->name = work.name;
  core->root_maker = owner.maker();
  task_ref ref(core);
  if (!engine::add_root(runtime, *core)) {
    core->destroy_root();
    core->release();
    throw_code(errc::runtime_stopped);
  }
  core->launch();
  if (engine::is_cancelling(runtime))
    core->whole().request(asio::cancellation_type::terminal);
  return ref;
}

void root_task::on_end(task_core& core, task_end end) noexcept {
  runtime_core& runtime = core.runtime();
  take(core, end);
  core.destroy_root();
  deliver(core); // *this may be destroyed.
  engine::root_has_ended(runtime, core);
}

std::exception_ptr take_root_error(task_core& core, task_end end) noexcept {
  switch (end) {
  case task_end::returned:
    return nullptr;
  case task_end::threw: {
    std::exception_ptr error = core.root()->take_error();
    // A cancellation is always reported in the same form, whatever error the
    // operation ended with.
    if (core.cancelled() != asio::cancellation_type::none && is_aborted(error))
      return error_of(asio::error::operation_aborted);
    return error;
  }
  case task_end::stopped:
    return error_of(asio::error::operation_aborted);
  case task_end::abandoned:
    break;
  }
  return error_of(errc::task_abandoned);
}

void report_unhandled(task_core& core,
                      const std::exception_ptr& error,
                      bool cancelled) noexcept {
  // A task that was cancelled, or whose runtime was stopped, has not failed.
  if ((cancelled && is_aborted(error)) || engine::is_stopped(core.runtime()))
    return;
  engine::unhandled(core.runtime(), error, core.name);
}

blocking_wait::blocking_wait(runtime_core& runtime) : runtime_(runtime) {
  if (engine::is_own_thread(runtime))
    throw boost::system::system_error(
        errc::would_deadlock,
        "weir::runtime::run: called on one of the runtime's own threads");
  engine::add_wait(runtime, *this);
}

blocking_wait::~blocking_wait() { engine::remove_wait(runtime_, *this); }

void blocking_wait::done() noexcept {
  std::lock_guard held(mutex_);
  done_ = true;
  changed_.notify_all(); // Under the lock: then *this may be destroyed.
}

void blocking_wait::poke() noexcept {
  std::lock_guard held(mutex_);
  changed_.notify_all();
}

bool blocking_wait::is_done() noexcept {
  std::lock_guard held(mutex_);
  return done_;
}

void blocking_wait::wait(const task_owner& owner) {
  if (engine::run_here(runtime_, done_))
    return;
  bool ends = false;
  {
    std::unique_lock held(mutex_);
    changed_.wait(
        held, [&] { return done_ || (ends = engine::is_ending(runtime_)); });
    ends = ends && !done_;
  }
  if (ends)
    engine::help_to_end(runtime_, *this, owner);
}

} // namespace weir::detail
