// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/teardown.hpp>

#include "thread_context.hpp"

#include <utility>

namespace weir::detail {

teardown_scope::teardown_scope() noexcept
    : before_(std::exchange(own_block().abandons, true)) {}

teardown_scope::~teardown_scope() { own_block().abandons = before_; }

bool in_teardown() noexcept { return own_block().abandons; }

} // namespace weir::detail
