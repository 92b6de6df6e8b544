// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/prelude.hpp>

namespace weir::built_with {

#define WEIR_BUILT_WITH_DEFINE(name) const char name = 0;
WEIR_BUILT_WITH_EACH(WEIR_BUILT_WITH_DEFINE)
#undef WEIR_BUILT_WITH_DEFINE

} // namespace weir::built_with
