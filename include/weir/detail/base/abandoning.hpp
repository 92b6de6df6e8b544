// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "export.hpp"

namespace weir::detail {

// At the end of a runtime: this thread destroys frames, or what stands in the
// pool. No task waits for anything any more. But an object in a frame may go
// while something that is no task waits on it: by a token, or in an
// asio::awaitable.
class abandoning_scope final {
public:
  abandoning_scope() noexcept;
  abandoning_scope(const abandoning_scope&) = delete;
  abandoning_scope& operator=(const abandoning_scope&) = delete;
  ~abandoning_scope();

private:
  bool before_;
};

WEIR_API bool is_abandoning() noexcept;

} // namespace weir::detail
