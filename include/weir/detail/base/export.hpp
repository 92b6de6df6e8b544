// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

// Marks what a shared weir exports: what a public header calls or throws, and
// nothing else. The library is compiled with -fvisibility=hidden.
//
// Functions and variables are marked one by one. A class is marked as a whole
// only if its typeinfo and its vtable must be the same in the library and in
// the program: if it is thrown, or if it has virtual functions. Such a class
// may only have members and bases that are visible too, or g++ warns.
//
// WEIR_STATIC, defined for the library and for what uses it, exports nothing:
// for a plug-in that contains its own copy of weir.
//
// WEIR_LOCAL takes a member out of a class that is marked as a whole: only the
// library calls it.
#if defined(WEIR_STATIC) || !defined(__GNUC__)
#define WEIR_API
#define WEIR_LOCAL
#else
#define WEIR_API [[gnu::visibility("default")]]
#define WEIR_LOCAL [[gnu::visibility("hidden")]]
#endif
