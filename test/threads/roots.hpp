// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "plan.hpp"
#include "setting.hpp"

#include <cstddef>

namespace weir::test::threads {

/// For the group of the children, or for one around their groups.
task_group_options group_options(const plan& p, bool is_outer);

/// A task with a group of its own, in which it spawns its share of the
/// children.
task<> root(setting& s, const plan& p, std::size_t i);

} // namespace weir::test::threads
