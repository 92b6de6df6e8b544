// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "export.hpp"

namespace weir::detail {

// At the end of a runtime: this thread destroys frames, or what stands in the
// pool. No task waits for anything any more. But an object in a frame may go
// while something that is no task waits on it: by a token, or in an
// asio::awaitable.
class teardown_scope final {
public:
  teardown_scope() noexcept;
  teardown_scope(const teardown_scope&) = delete;
  teardown_scope& operator=(const teardown_scope&) = delete;
  ~teardown_scope();

private:
  bool before_;
};

WEIR_API bool in_teardown() noexcept;

} // namespace weir::detail
