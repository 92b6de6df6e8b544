// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/explain_work.hpp>
#include <weir/task.hpp>

#include <utility>

namespace weir {

/// Gives `work` a name, for group_error and for the report of a runtime whose
/// destruction waits for it. The name takes effect when the task is spawned,
/// not when it is awaited. It is kept by address: use a string literal.
template <typename T>
task<T> named(const char* name, task<T> work) noexcept {
  detail::task_access::set_name(work, name);
  return work;
}
// For a readable compile error.
template <typename Work>
detail::explained named(const char*, Work&&) {
  detail::explain_work<Work>();
  return {};
}

} // namespace weir
