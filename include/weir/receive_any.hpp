// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/channel.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/sync/any_channels.hpp>
#include <weir/detail/sync/receive_any_step.hpp>
#include <weir/indexed_value.hpp>
#include <weir/operation.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace weir {

/// What receive_any() returns.
template <typename... Ts>
using receive_any_operation =
    operation<detail::receive_any_step<detail::listed_channels<Ts...>>>;
/// The same for a range of `channel<T>`.
template <typename T>
using receive_any_of_range_operation =
    operation<detail::receive_any_step<detail::ranged_channels<T>>>;

/// Waits for the next value of any of these channels, and takes exactly one.
/// Gives an optional variant whose index() says which channel the value came
/// from. It is empty when all channels are closed and everything was received.
///
///     while (auto next = co_await weir::receive_any(orders, timeouts)) ...
///
/// If several channels have a value, the first in the list is used. A channel
/// that is closed and drained is skipped, so a loop ends with the last channel.
/// While receive_any() waits, it is in the queue of every channel; when one
/// channel serves it, the others lose nothing.
///
/// Cancellation: as channel::receive(); nothing was taken from any channel.
/// Thread safety: any thread.
/// Resumes on: the task's strand, or the handler's executor, by default the
///   system's.
/// Complexity: n log n in the number of channels; no allocation in a task.
/// Source: Go's `select`, which in contrast chooses at random and is always
///   ready for a closed channel.
template <typename... Ts>
requires(sizeof...(Ts) !=
         0) receive_any_operation<Ts...> receive_any(channel<Ts>&... channels)
noexcept {
  return receive_any_operation<Ts...>(
      std::in_place, std::in_place, detail::channel_access::core(channels)...);
}
// For a readable compile error.
template <typename... None>
requires(sizeof...(None) == 0) detail::explained receive_any(None&&...) {
  static_assert(sizeof...(None) != 0,
                "weir::receive_any: name at least one channel");
  return {};
}

/// The same for a range of channels of one type: of `channel<T>&`, pointers to
/// them, plain or smart, or `std::reference_wrapper`. Gives an optional
/// indexed_value, whose index is the channel's position in the range. When the
/// call returns, the range itself is no longer needed; the channels are.
///
///     std::deque<weir::channel<order>> shops;
///     while (auto next = co_await weir::receive_any(shops))
///       handle(next->index, std::move(next->value));
///
/// Throws: at the call, `std::invalid_argument` for an empty range or a null
///   pointer, `std::bad_alloc`.
/// Complexity: n log n in the number of channels; three allocations, here.
template <detail::channel_range R>
auto receive_any(R&& channels)
    -> receive_any_of_range_operation<detail::range_channel_value<R>> {
  return receive_any_of_range_operation<detail::range_channel_value<R>>(
      std::in_place, std::in_place, std::forward<R>(channels));
}

} // namespace weir
