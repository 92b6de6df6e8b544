// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include "setting.hpp"

namespace weir::test::threads {

/// Awaits what is ready at once, as `e.where` says, again and again: until it
/// is cancelled, if `e.for_ever`.
task<> loops(setting& s, errand e);

} // namespace weir::test::threads
