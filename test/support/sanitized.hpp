// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

namespace weir::test {

/// Built with the address or the thread sanitizer: everything is slower, and
/// memory is not reused.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// Built by ./dev coverage: the code counts lines, and nothing is optimised.
#if defined(WEIR_COVERAGE)
inline constexpr bool slow = true;
#else
inline constexpr bool slow = sanitized;
#endif

} // namespace weir::test
