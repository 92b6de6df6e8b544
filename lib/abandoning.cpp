// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/abandoning.hpp>

#include <utility>

namespace weir::detail {

namespace {
constinit thread_local bool abandons = false;
} // namespace

abandoning_scope::abandoning_scope() noexcept
    : before_(std::exchange(abandons, true)) {}

abandoning_scope::~abandoning_scope() { abandons = before_; }

bool is_abandoning() noexcept { return abandons; }

} // namespace weir::detail
