// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

/// The version of these headers: major * 10000 + minor * 100 + patch.
#define WEIR_VERSION 100

namespace weir {

/// The version of the library linked with, as `WEIR_VERSION`.
WEIR_API [[nodiscard]] int version() noexcept;

} // namespace weir
