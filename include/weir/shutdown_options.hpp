// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/prelude.hpp>

namespace weir {

/// How long task_group::shutdown() waits before each harsher step. Negative
/// counts as zero, `clock::duration::max()` is for ever.
struct shutdown_options {
  /// For children that end by themselves.
  clock::duration drain = clock::duration::zero();
  /// After that, for children that heed task_group::is_stopping().
  clock::duration soft = clock::duration::zero();
};

} // namespace weir
