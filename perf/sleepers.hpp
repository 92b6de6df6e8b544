// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/sleep.hpp>
#include <weir/task.hpp>

#include "asio_groups.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>

namespace weir::perf {

// Tasks that sleep for longer than any case takes; each counts when it begins.

inline task<void> sleeps_on(std::atomic<std::size_t>& parked) {
  parked.fetch_add(1, std::memory_order_relaxed); // a number, nothing more
  co_await sleep_for(std::chrono::hours(1));
}

inline asio::awaitable<void>
sleeps_on_in_asio(std::atomic<std::size_t>& parked) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           std::chrono::hours(1));
  parked.fetch_add(1, std::memory_order_relaxed);
  co_await timer.async_wait(asio::deferred);
}

/// Without a strand and a signal each, which take memory, there is no safe way
/// to end them but to drop the pool.
inline void park_in_asio(asio::thread_pool& pool,
                         std::size_t tasks,
                         std::atomic<std::size_t>& parked) {
  for (std::size_t i = 0; i != tasks; ++i)
    asio::co_spawn(pool, sleeps_on_in_asio(parked), [](std::exception_ptr) {});
}

} // namespace weir::perf
