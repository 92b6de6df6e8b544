// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "plan.hpp"
#include "tally.hpp"

#include <cstddef>

namespace weir::test::threads {

/// Runs `p` on a runtime of its own and checks what must hold in any case.
void run(const plan& p, std::size_t index_of_cell, tally& seen);

} // namespace weir::test::threads
