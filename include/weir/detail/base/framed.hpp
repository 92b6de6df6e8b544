// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <type_traits>

namespace weir::detail {

// Holds a pointer, or a reference to one. See framed for the reason.
template <typename T>
struct held {
  // By value: a temporary bound to a reference would be a field of the frame.
  held(T v) noexcept : value(static_cast<T&&>(v)) {}
  operator T() const noexcept { return value; }
  T value;
};

// The type of a parameter or local variable of a coroutine template whose T may
// be a pointer to a user's function or member: a class wraps pointers.
//
// g++ 14 tests for each field of a frame whether its type is in an anonymous
// namespace. It has an internal error (in decl_anon_ns_mem_p) if the field is a
// pointer or a reference to a function, or to a member, that names such a type,
// and that type is not declared in the main file, as in a unity build. What
// such a template returns straight from a co_await is a field, too: see
// is_framed.
template <typename T>
using framed =
    std::conditional_t<std::is_pointer_v<std::remove_reference_t<T>> ||
                           std::is_member_pointer_v<std::remove_reference_t<T>>,
                       held<T>,
                       T>;

template <typename T>
inline constexpr bool is_framed = !std::is_same_v<framed<T>, T>;

template <typename T>
T& unframed(T& value) noexcept {
  return value;
}
template <typename T>
T& unframed(held<T>& value) noexcept {
  return value.value;
}

} // namespace weir::detail
