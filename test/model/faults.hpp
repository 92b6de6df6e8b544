// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>

#include <array>
#include <cstdint>

namespace weir::test::model {

/// In its lifetime the k-th allocation fails, and, if `sticky`, all after it;
/// with k = 0 none fails. Hides the blocks in weir's cache meanwhile. In
/// programs whose malloc() cannot be replaced (with sanitizers) no allocation
/// fails.
class no_memory_here final {
public:
  no_memory_here(std::int64_t k, bool sticky) noexcept;
  no_memory_here(const no_memory_here&) = delete;
  no_memory_here& operator=(const no_memory_here&) = delete;
  ~no_memory_here();

  /// How many have failed.
  std::uint64_t failed() const noexcept;

private:
  bool is_off_;
  // Set only if allocations can fail.
  std::array<detail::free_list, detail::size_class::count> saved_;
};

} // namespace weir::test::model
