// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Every public header includes this one first, so that the first line of errors
// says that a compiler is too old.

#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "weir needs C++20 or newer: compile with -std=c++20"
#define WEIR_CANNOT_BE_COMPILED
#elif !defined(__cpp_impl_coroutine) || !__has_include(<coroutine>)
#error "weir needs coroutines, which this compiler or its library lacks"
#define WEIR_CANNOT_BE_COMPILED
#elif !defined(__cpp_exceptions)
#error "weir needs exceptions: compile without -fno-exceptions"
#define WEIR_CANNOT_BE_COMPILED
#elif !__has_include(<boost/version.hpp>)
#error "weir needs Boost 1.81 or newer: there is no boost/version.hpp"
#define WEIR_CANNOT_BE_COMPILED
#else
#include <boost/version.hpp>
#if BOOST_VERSION < 108100
#error "weir needs Boost 1.81 or newer: boost/version.hpp is of an older one"
#define WEIR_CANNOT_BE_COMPILED
#endif
#endif

// This file does not exist, which ends the compilation here. Otherwise hundreds
// of errors follow and hide the one that matters.
#if defined(WEIR_CANNOT_BE_COMPILED)
#include "see_the_error_above"
#endif

#include "built_with.hpp" // IWYU pragma: export
#include "export.hpp"     // IWYU pragma: export
