// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/runtime.hpp>
#include <weir/task_group.hpp>

#include "group_core.hpp"

#include <stdexcept>
#include <utility>

namespace weir {

namespace {

detail::group_core& make_core(detail::runtime_core& runtime,
                              const task_group_options& options,
                              detail::group_kind kind) {
  if (options.max_in_flight == 0)
    throw std::invalid_argument(
        "weir::task_group: max_in_flight is 0, must be at least 1 (no cap is "
        "weir::unlimited)");
  return detail::group_core::create(runtime, options, kind);
}

} // namespace

task_group::task_group(const executor& ex, task_group_options options)
    : core_(&make_core(detail::executor_access::runtime(ex),
                       options,
                       detail::group_kind::bare)) {}

task_group::task_group(runtime& on, task_group_options options)
    : core_(&make_core(*on.core_, options, detail::group_kind::bare)) {}

task_group::task_group(detail::scope_maker maker,
                       const task_group_options& options)
    : core_(&make_core(maker.task().runtime(),
                       options,
                       maker.task().is_shielded()
                           ? detail::group_kind::shielded_scope
                           : detail::group_kind::scope)) {}

task_group::~task_group() { core_->handle_gone(); }

join_operation task_group::join() noexcept {
  return join_operation(std::in_place, *core_);
}

group_wait_operation task_group::wait_idle() noexcept {
  return group_wait_operation(
      std::in_place, *core_, detail::group_waiter::kind::idler);
}

join_operation task_group::shutdown(shutdown_options grace) noexcept {
  return join_operation(std::in_place, *core_, grace);
}

void task_group::request_stop() noexcept { core_->request_stop(); }

bool task_group::is_stopping() const noexcept { return core_->is_stopping(); }

group_wait_operation task_group::wait_stopping() noexcept {
  return group_wait_operation(
      std::in_place, *core_, detail::group_waiter::kind::stopper);
}

void task_group::reopen() {
  if (!core_->reopen())
    throw std::logic_error(
        "weir::task_group::reopen: join() has not completed, it must have");
}

void task_group::cancel(boost::system::error_code reason) noexcept {
  core_->cancel(detail::group_state::cause::own, reason);
}

void task_group::close() noexcept { core_->close(); }

void task_group::cancel_at(clock::time_point deadline) noexcept {
  core_->cancel_at(deadline);
}

void task_group::set_error_hook(std::function<void(const task_failure&)> hook) {
  core_->set_error_hook(std::move(hook));
}

void task_group::set_max_in_flight(std::size_t n) {
  if (n == 0)
    throw std::invalid_argument(
        "weir::task_group::set_max_in_flight: max_in_flight is 0, must be at "
        "least 1");
  core_->set_cap(n);
}

std::size_t task_group::max_in_flight() const noexcept { return core_->cap(); }

task_group_stats task_group::stats() const noexcept { return core_->stats(); }

bool task_group::is_cancelled() const noexcept { return core_->is_cancelled(); }

boost::system::error_code task_group::cancel_reason() const noexcept {
  return core_->cancel_reason();
}

executor task_group::get_executor() const noexcept {
  return detail::executor_access::of(core_->runtime());
}

} // namespace weir
