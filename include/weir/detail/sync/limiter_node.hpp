// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>

namespace weir::detail {

// A waiter for permits. Guarded by the limiter's lock while it is
// queued, then its own again. One that was taken out is settled exactly once,
// from any thread, with no lock held; it may be destroyed afterwards.
struct limiter_node {
  // `granted`: its weight is counted as in use, and is now this node's to give
  // back. Else the capacity was lowered below its weight.
  using settle_fn = void (*)(limiter_node&, bool granted) noexcept;
  limiter_node(settle_fn f, std::size_t w) noexcept : settle(f), weight(w) {}

  limiter_node* prev = nullptr;
  limiter_node* next = nullptr;
  settle_fn settle;
  std::size_t weight;
  bool queued = false;
};

} // namespace weir::detail
