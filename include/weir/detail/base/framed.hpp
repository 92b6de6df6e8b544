// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <type_traits>

namespace weir::detail {

// A pointer, or a reference to one; what for: see framed.
template <typename T>
struct held {
  // By value: a frame keeps what a reference is bound to.
  held(T v) noexcept : value(static_cast<T&&>(v)) {}
  operator T() const noexcept { return value; }
  T value;
};

// The type of a parameter or a local variable of a coroutine template that may
// be a function or a member of a user's: a pointer is in a class.
//
// g++ 14 asks of each field of a frame whether its type is of an anonymous
// namespace, and has an internal error (in decl_anon_ns_mem_p) where that is a
// pointer or a reference to a function, or to a member, that names such a type,
// and the type is not of the main file: in a unity build. What such a template
// returns straight from a co_await is a field, too: see is_framed.
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
