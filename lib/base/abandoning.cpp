// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/abandoning.hpp>

#include "thread_context.hpp"

#include <utility>

namespace weir::detail {

abandoning_scope::abandoning_scope() noexcept
    : before_(std::exchange(own_block().abandons, true)) {}

abandoning_scope::~abandoning_scope() { own_block().abandons = before_; }

bool is_abandoning() noexcept { return own_block().abandons; }

} // namespace weir::detail
