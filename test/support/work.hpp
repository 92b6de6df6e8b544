// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include "gate.hpp"
#include "on_scope_exit.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <atomic>
#include <stdexcept>

namespace weir::test {

/// Tasks that many cases use.
inline task<> returns() { co_return; }

inline task<> fails_with(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

inline task<> waits_for(gate& g) { co_await g.wait(); }

inline task<> counts(std::atomic<int>& calls) {
  ++calls;
  co_return;
}

/// Waits, and counts in `ended` however that ends.
inline task<> waits_and_counts(gate& g, std::atomic<int>& ended) {
  on_scope_exit count([&] { ++ended; });
  co_await g.wait();
}

inline task<> opens(gate& g) {
  g.open();
  co_return;
}

// Awaits an operation that destroys its handler instead of calling it.
inline task<int> is_abandoned() {
  co_await asio::async_initiate<const asio::deferred_t, void()>(
      [](auto handler) { (void)handler; }, asio::deferred);
  co_return 0;
}

} // namespace weir::test
