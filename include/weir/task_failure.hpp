// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstdint>
#include <exception>
#include <string_view>

namespace weir {

/// A child's failure, as task_group's error hook sees it.
struct task_failure {
  /// As group_error::entry::index: the spawn, counted from 0, or
  /// group_error::body.
  std::uint64_t index;
  /// The name that named() gave the child; empty if there is none; "body" for
  /// the body.
  std::string_view name;
  /// What it threw; errc::task_abandoned if an operation dropped its handler
  /// and its frame was destroyed instead.
  std::exception_ptr error;
};

} // namespace weir
