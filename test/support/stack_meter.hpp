// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::test {

/// The greatest distance between the stack positions at the calls of mark(),
/// which all come from one thread.
class stack_meter final {
public:
  [[gnu::noinline]] void mark() noexcept {
    const auto here =
        reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    lowest_ = std::min(lowest_, here);
    highest_ = std::max(highest_, here);
  }
  std::size_t span() const noexcept { return highest_ - lowest_; }

private:
  std::uintptr_t lowest_ = std::numeric_limits<std::uintptr_t>::max();
  std::uintptr_t highest_ = 0;
};

} // namespace weir::test
