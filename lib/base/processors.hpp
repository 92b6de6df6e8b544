// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <string>

namespace weir::detail {

// How many processors the affinity of the calling thread allows; at least 1.
std::size_t processors_allowed() noexcept;

// How many processors the quotas of the process's control groups grant, rounded
// up; 0: no quota. `root` is prepended to every path that is read, so that a
// test can make a tree of its own. A file that cannot be read or parsed counts
// as no quota.
std::size_t processors_granted(const std::string& root) noexcept;

} // namespace weir::detail
