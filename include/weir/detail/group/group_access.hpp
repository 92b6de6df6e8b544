// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/task_group.hpp>

#include <exception>

namespace weir::detail {

// What the kinds of groups that have a task_group inside ask of it.
struct group_access {
  static group_core& core(task_group& group) noexcept { return *group.core_; }
  static scope_maker maker(task_core& task) noexcept {
    return scope_maker(task);
  }
};

// True in a child of `group`: `self` is one, or, where it is null, what this
// thread runs.
WEIR_API bool runs_in(const group_core& group, const task_core* self) noexcept;

// Of an object around `group` that is destroyed. `waited_on`: a task waits on
// it, which is a broken precondition unless the runtime was stopped.
WEIR_API void object_gone(const group_core& group,
                          bool waited_on,
                          const char* message) noexcept;

// system_error with operation_aborted: of a child that a cancellation ended.
WEIR_API std::exception_ptr aborted_error();

} // namespace weir::detail
