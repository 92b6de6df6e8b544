// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <boost/system/error_code.hpp>

#include <type_traits>

namespace boost::asio {}

namespace weir {

namespace asio = boost::asio;

/// What weir itself reports. Everything else keeps its own code: a cancelled
/// operation is `asio::error::operation_aborted`, a passed deadline
/// `asio::error::timed_out`, both as `boost::system::system_error`.
enum class errc {
  /// spawn() on a group that was closed or joined.
  group_closed = 1,
  /// The call can never complete, for example join() from a child of the same
  /// group, or `runtime::run` on one of the runtime's own threads.
  would_deadlock,
  /// A task's frame was destroyed before it completed: by runtime::stop(), or
  /// because an operation dropped its handler.
  task_abandoned,
  /// The runtime was stopped, or is being destroyed.
  runtime_stopped,
  /// The call would have to wait, and the maximum number of calls already
  /// waits.
  overloaded,
  /// acquire(), or a spawn() with a weight, waits for more than a limiter's
  /// capacity, which was lowered.
  over_capacity,
  /// send() on a channel, or push() to a work_queue, that was closed.
  channel_closed,
  /// The child of start() returned without calling started::set().
  not_started,
};

/// The category of `errc`, named "weir".
WEIR_API [[nodiscard]] const boost::system::error_category&
error_category() noexcept;

/// Found by argument-dependent lookup when an `errc` becomes an error_code.
WEIR_API [[nodiscard]] boost::system::error_code
make_error_code(errc e) noexcept;

} // namespace weir

template <>
struct boost::system::is_error_code_enum<weir::errc> : std::true_type {};
