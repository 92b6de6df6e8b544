// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/system/error_code.hpp>

#include <chrono>
#include <functional>

namespace weir::test {

/// Replaces an asio::steady_timer: it expires when a model's thread calls
/// expire(). It keeps handlers by Asio's rules, under a lock of its own.
class hand_timer final {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using handler = std::function<void(const boost::system::error_code&)>;

  template <typename Context>
  explicit hand_timer(const Context&) {}
  hand_timer(const hand_timer&) = delete;
  hand_timer& operator=(const hand_timer&) = delete;

  /// Aborts the pending wait.
  void expires_at(time_point) { take(); }
  void cancel() { take(); }
  void async_wait(handler h);

  /// The newest timer with a pending wait expires: calls its handler. False:
  /// there is none.
  static bool expire();

private:
  static handler take();
};

} // namespace weir::test
