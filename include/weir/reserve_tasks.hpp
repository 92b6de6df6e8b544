// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/task_core.hpp>

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

/// Fills the cache, so that the next `tasks` tasks which a thread spawns as
/// `spawn(f, args...)` or `spawn(f(args...))` get their memory from the cache
/// and not from the heap, even if all are in flight at once. For the first
/// burst after a start; a service that has run for a while does not need it.
///
/// Calls `f(args...)`, with copies of `args`, somewhat more than `tasks` times;
/// the tasks are not started and are destroyed again. So `f` should be a
/// coroutine, or only call one. It does not reserve what the tasks allocate
/// once they run, nor a frame of more than 1032 bytes, which always comes from
/// the heap.
///
/// The cache belongs to the process and keeps at most 32 MiB for all threads
/// together; it is off under AddressSanitizer.
///
/// Throws: `std::bad_alloc`; `std::invalid_argument` when `f` is empty; what
///   `f` and the copies throw.
/// Thread safety: any thread. Complexity: linear in `tasks`.
/// Source: ants' `WithPreAlloc`.
template <typename F, typename... Args>
requires detail::is_task<
    std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>::value void
reserve_tasks(std::size_t tasks, const F& f, const Args&... args) {
  using callable = std::decay_t<const F&>;
  detail::require_callable(f, "weir::reserve_tasks");
  if (tasks == 0)
    return;
  tasks += detail::cache_slack;
  std::vector<task<>> outer;
  std::vector<std::invoke_result_t<callable, std::decay_t<Args>...>> inner;
  outer.reserve(tasks);
  inner.reserve(tasks);
  for (std::size_t i = 0; i != tasks; ++i) {
    outer.push_back(
        detail::call_work<callable, std::decay_t<Args>...>(f, args...));
    inner.push_back(std::invoke(callable(f), std::decay_t<Args>(args)...));
  }
  detail::reserve_blocks(tasks, sizeof(detail::task_core));
}

} // namespace weir
