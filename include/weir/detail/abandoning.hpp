// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

namespace weir::detail {

// This thread destroys the frames that a stopped runtime left. They go in any
// order, so an object in one of them may go before those that wait on it.
class abandoning_scope final {
public:
  abandoning_scope() noexcept;
  abandoning_scope(const abandoning_scope&) = delete;
  abandoning_scope& operator=(const abandoning_scope&) = delete;
  ~abandoning_scope();

private:
  bool before_;
};

bool is_abandoning() noexcept;

} // namespace weir::detail
