// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>

#include "task_core.hpp"

#include <boost/system/error_code.hpp>

#include <concepts>
#include <exception>
#include <type_traits>

namespace weir::detail {

// Marks what may be awaited in a task only, through its member awaiter().
struct native_awaitable_tag {};

template <typename T>
concept native_awaitable =
    std::derived_from<std::remove_cvref_t<T>, native_awaitable_tag>;

// An awaiter that is its own awaitable: small, and copied into the frame.
template <typename Self>
struct plain_awaiter : native_awaitable_tag {
  Self awaiter() const noexcept { return static_cast<const Self&>(*this); }
};

// Throws system_error(code), or std::bad_alloc if there is no memory for its
// text; operation_aborted, timed_out and task_abandoned need none.
WEIR_API [[noreturn]] void throw_code(const boost::system::error_code& code);
// One of those three as an exception_ptr.
WEIR_API std::exception_ptr
error_of(const boost::system::error_code& code) noexcept;

// Throws system_error(operation_aborted).
WEIR_API [[noreturn]] void throw_aborted();

// True for what operations end with when they are cancelled:
// operation_aborted, of Asio's channels channel_cancelled, and whatever else
// equals std::errc::operation_canceled. OpenSSL's and Beast's operations pass
// on the first.
WEIR_API bool is_abort_code(const boost::system::error_code& code) noexcept;

// True for a system_error, of Boost or std, with such a code; for an
// asio::multiple_exceptions whose first exception is one (it stores no other);
// for a std::nested_exception around one. Rethrows inside: microseconds for
// each.
WEIR_API bool is_aborted(const std::exception_ptr& error) noexcept;

// On the strand, in await_suspend() of the coroutine of `p`, whose task is
// cancelled. True: suspend, it is unwound. False: resume, `aborted` is set.
WEIR_API bool abort_from(promise_base& p, bool& aborted) noexcept;

} // namespace weir::detail
