// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "export.hpp"

namespace weir::detail {

// Scope in which this thread destroys frames or the contents of the pool at the
// end of a runtime. No task waits any more. But an object in a frame may be
// destroyed while a waiter other than a task waits on it: an operation with a
// token, or an asio::awaitable.
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
