// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the suites of the build `tsan` would need of the library, which is not
// linked to them.

#include <weir/detail/base/teardown.hpp>
#include <weir/detail/sync/channel_core.hpp>
#include <weir/error.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <exception>

namespace weir {

boost::system::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), boost::system::generic_category()};
}

namespace detail {

bool in_teardown() noexcept { return false; }

void channel_destroyed_in_use(std::size_t, std::size_t) noexcept {
  std::terminate();
}

} // namespace detail
} // namespace weir
