// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <utility>

namespace weir::test {

/// Calls a function when it is destroyed.
template <typename F>
class [[nodiscard("it acts when it is destroyed")]] on_scope_exit final {
public:
  explicit on_scope_exit(F f) : f_(std::move(f)) {}
  on_scope_exit(const on_scope_exit&) = delete;
  on_scope_exit& operator=(const on_scope_exit&) = delete;
  ~on_scope_exit() { f_(); }

private:
  F f_;
};

} // namespace weir::test
