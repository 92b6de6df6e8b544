// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/channel.hpp>
#include <weir/detail/receive_any_step.hpp>
#include <weir/operation.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace weir {

/// What receive_any() returns.
template <typename... Ts>
using receive_any_operation = operation<detail::receive_any_step<Ts...>>;

/// Waits for the next value of any of these channels, and takes exactly one:
/// an optional variant, whose index() says which channel it came from. Empty
/// when all of them are closed and everything was received.
///
///     while (auto next = co_await weir::receive_any(orders, timeouts)) ...
///
/// If several have a value, the first in the list serves. A channel that is
/// closed and drained is passed over, so that a loop ends with the last. While
/// it waits it stands in the queue of each, and the others lose nothing.
///
/// Cancellation: as channel::receive(); nothing was taken from any channel.
/// Thread safety: any thread.
/// Resumes on: the task's strand, or the handler's executor, by default the
///   system's.
/// Complexity: linear in the number of channels; no allocation in a task.
/// Source: Go's `select`, which in contrast chooses at random and is always
///   ready for a closed channel.
template <typename... Ts>
receive_any_operation<Ts...> receive_any(channel<Ts>&... channels) noexcept {
  static_assert(sizeof...(Ts) != 0, "name at least one channel");
  return receive_any_operation<Ts...>(
      std::in_place, detail::channel_access::core(channels)...);
}

} // namespace weir
