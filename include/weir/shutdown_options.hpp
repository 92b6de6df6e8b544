// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>

namespace weir {

/// How long task_group::shutdown() waits before each harsher step. A negative
/// time counts as zero, `clock::duration::max()` means no limit.
struct shutdown_options {
  /// Time for children to end by themselves.
  clock::duration drain = clock::duration::zero();
  /// Time after that, for children that react to task_group::is_stopping().
  clock::duration soft = clock::duration::zero();
};

} // namespace weir
