// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/blocking_pool.hpp>
#include <weir/detail/base/prelude.hpp>

#include <type_traits>
#include <utility>

namespace weir {

/// Calls `f(args...)`, which may block, on a thread of `pool` and gives what it
/// returns. This is blocking_pool::run(), which documents the rules.
///
///     auto sum = co_await weir::offload(pool, digest, path);
///
/// Cancellation: terminal; ends the wait at once, a running function is
///   abandoned. runtime::stop() ends the wait in the same way.
/// Thread safety: any thread.
/// Resumes on: the task's strand, or the handler's executor.
/// Source: Trio's `to_thread.run_sync(abandon_on_cancel=True)`, tokio's
///   `spawn_blocking`.
template <typename F, typename... Args>
auto offload(blocking_pool& pool, F&& f, Args&&... args) {
  return pool.run(std::forward<F>(f), std::forward<Args>(args)...);
}
// For a readable compile error.
template <typename F, typename... Args>
requires(!std::is_convertible_v<F&&, blocking_pool&>) detail::explained
    offload(F&&, Args&&...) {
  static_assert(std::is_convertible_v<F&&, blocking_pool&>,
                "weir::offload: a weir::blocking_pool comes first, then the "
                "function and its arguments");
  return {};
}

} // namespace weir
