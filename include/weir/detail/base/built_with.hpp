// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "export.hpp"

// check_source: allow; where Asio decides how it is configured
#include <boost/asio/detail/config.hpp>
#include <boost/version.hpp>

#include <version> // names the standard library

// Asio is header-only: the library contains Asio's code in the configuration of
// the library's build, and a program contains it in its own. If the two differ
// in the layout of an object that both use, or in how they use it, the program
// links and then hangs. So each such choice has a name in weir::built_with. The
// library defines the names of its own configuration (lib/base/built_with.cpp),
// and a program that includes a header of weir refers to the names of its own.
// Where they differ, the linker reports the name of the program's choice as
// undefined. Nothing is read at run time.
//
// Not listed, because they do not change what library and program share:
// BOOST_ASIO_DISABLE_FENCED_BLOCK, which only orders within one function;
// BOOST_ASIO_SEPARATE_COMPILATION and _DYN_LINK, the same code in another
// place; BOOST_ASIO_NO_DEPRECATED and _NO_TS_EXECUTORS, which only remove
// functions; the size of Asio's table of strands and the debugging of buffers,
// as the library has none of either; NDEBUG and the version of C++, on which no
// type of weir or Asio depends.

// Minor versions may change anything while the major one is 0.
#define WEIR_BUILT_WITH_WEIR weir_0_1

#if defined(WEIR_SYNC_POLICY) // weir's own tests; see sync.hpp
#define WEIR_BUILT_WITH_SYNC weir_sync_policy_of_a_test
#else
#define WEIR_BUILT_WITH_SYNC weir_sync_policy_std
#endif

// Asio's classes change with its version.
#define WEIR_BUILT_WITH_PASTE(a, b) a##b
#define WEIR_BUILT_WITH_NUMBER(name, number) WEIR_BUILT_WITH_PASTE(name, number)
#define WEIR_BUILT_WITH_BOOST                                                  \
  WEIR_BUILT_WITH_NUMBER(boost_version_, BOOST_VERSION)

// The standard library: its mode, its strings.
#if defined(_LIBCPP_VERSION)
#define WEIR_BUILT_WITH_STD std_libcxx
#elif defined(_GLIBCXX_DEBUG)
#define WEIR_BUILT_WITH_STD std_libstdcxx_GLIBCXX_DEBUG
#elif defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
#define WEIR_BUILT_WITH_STD std_libstdcxx_USE_CXX11_ABI_0
#else
#define WEIR_BUILT_WITH_STD std_libstdcxx
#endif

// Which class is the reactor: the side that needs it first creates it. With
// io_uring beside epoll, what Asio keeps for each thread is larger.
#if defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#define WEIR_BUILT_WITH_REACTOR asio_reactor_io_uring
#elif defined(BOOST_ASIO_HAS_EPOLL) && defined(BOOST_ASIO_HAS_IO_URING)
#define WEIR_BUILT_WITH_REACTOR asio_reactor_epoll_and_io_uring_for_files
#elif defined(BOOST_ASIO_HAS_EPOLL)
#define WEIR_BUILT_WITH_REACTOR asio_reactor_epoll
#elif defined(BOOST_ASIO_HAS_KQUEUE)
#define WEIR_BUILT_WITH_REACTOR asio_reactor_kqueue
#elif defined(BOOST_ASIO_HAS_DEV_POLL)
#define WEIR_BUILT_WITH_REACTOR asio_reactor_dev_poll
#else
#define WEIR_BUILT_WITH_REACTOR asio_reactor_select
#endif

// How the reactor is woken: one side would write one byte to a pipe where the
// other made an eventfd, which takes eight.
#if defined(BOOST_ASIO_HAS_EVENTFD)
#define WEIR_BUILT_WITH_EVENTFD asio_eventfd
#else
#define WEIR_BUILT_WITH_EVENTFD asio_DISABLE_EVENTFD
#endif

// Whether a timerfd watches the time: then the reactor is not woken for it.
#if defined(BOOST_ASIO_HAS_TIMERFD)
#define WEIR_BUILT_WITH_TIMERFD asio_timerfd
#else
#define WEIR_BUILT_WITH_TIMERFD asio_without_timerfd
#endif

// Mutexes, events and threads; without threads they are empty.
#if !defined(BOOST_ASIO_HAS_THREADS)
#define WEIR_BUILT_WITH_THREADS asio_DISABLE_THREADS
#elif defined(BOOST_ASIO_HAS_PTHREADS)
#define WEIR_BUILT_WITH_THREADS asio_pthreads
#else
#define WEIR_BUILT_WITH_THREADS asio_std_threads
#endif

// The scheduler's counters, whose size differs.
#if defined(BOOST_ASIO_DISABLE_STD_ATOMIC)
#define WEIR_BUILT_WITH_ATOMIC asio_DISABLE_STD_ATOMIC
#else
#define WEIR_BUILT_WITH_ATOMIC asio_std_atomic
#endif

// How the scheduler identifies the current thread.
#if defined(BOOST_ASIO_DISABLE_THREAD_KEYWORD_EXTENSION)
#define WEIR_BUILT_WITH_TSS asio_DISABLE_THREAD_KEYWORD_EXTENSION
#else
#define WEIR_BUILT_WITH_TSS asio_thread_keyword
#endif

// A base class of every operation.
#if defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING)
#define WEIR_BUILT_WITH_TRACKING asio_CUSTOM_HANDLER_TRACKING
#elif defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING)
#define WEIR_BUILT_WITH_TRACKING asio_ENABLE_HANDLER_TRACKING
#else
#define WEIR_BUILT_WITH_TRACKING asio_no_handler_tracking
#endif

// The memory that each thread keeps for operations: how much, and from where.
#if defined(BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
#define WEIR_BUILT_WITH_CACHE asio_DISABLE_SMALL_BLOCK_RECYCLING
#elif defined(BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#define WEIR_BUILT_WITH_CACHE                                                  \
  WEIR_BUILT_WITH_NUMBER(asio_RECYCLING_ALLOCATOR_CACHE_SIZE_,                 \
                         BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#else
#define WEIR_BUILT_WITH_CACHE asio_RECYCLING_ALLOCATOR_CACHE_SIZE_2
#endif
#if defined(BOOST_ASIO_HAS_STD_ALIGNED_ALLOC)
#define WEIR_BUILT_WITH_ALLOC asio_std_aligned_alloc
#else
#define WEIR_BUILT_WITH_ALLOC asio_DISABLE_STD_ALIGNED_ALLOC
#endif

// What names a service of an execution context: the type, or the address of a
// variable. The program would get a scheduler of its own.
#if defined(BOOST_ASIO_NO_TYPEID)
#define WEIR_BUILT_WITH_TYPEID asio_NO_TYPEID_or_fno_rtti
#else
#define WEIR_BUILT_WITH_TYPEID asio_typeid
#endif

// What any_io_executor is.
#if defined(BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT)
#define WEIR_BUILT_WITH_EXECUTOR asio_USE_TS_EXECUTOR_AS_DEFAULT
#else
#define WEIR_BUILT_WITH_EXECUTOR asio_any_executor_as_default
#endif

// clang-format off
#define WEIR_BUILT_WITH_EACH(f)       \
  f(WEIR_BUILT_WITH_WEIR)             \
  f(WEIR_BUILT_WITH_SYNC)             \
  f(WEIR_BUILT_WITH_BOOST)            \
  f(WEIR_BUILT_WITH_STD)              \
  f(WEIR_BUILT_WITH_REACTOR)          \
  f(WEIR_BUILT_WITH_EVENTFD)          \
  f(WEIR_BUILT_WITH_TIMERFD)          \
  f(WEIR_BUILT_WITH_THREADS)          \
  f(WEIR_BUILT_WITH_ATOMIC)           \
  f(WEIR_BUILT_WITH_TSS)              \
  f(WEIR_BUILT_WITH_TRACKING)         \
  f(WEIR_BUILT_WITH_CACHE)            \
  f(WEIR_BUILT_WITH_ALLOC)            \
  f(WEIR_BUILT_WITH_TYPEID)           \
  f(WEIR_BUILT_WITH_EXECUTOR)
// clang-format on

namespace weir::built_with {

// NOLINTBEGIN(bugprone-macro-parentheses,readability-identifier-naming): names

// Declares the name. The library defines it if it was built with that choice.
#define WEIR_BUILT_WITH_DECLARE(name) WEIR_API extern const char name;
WEIR_BUILT_WITH_EACH(WEIR_BUILT_WITH_DECLARE)
#undef WEIR_BUILT_WITH_DECLARE

// Refers to the name, once in a program or shared library, and the linker keeps
// the reference under --gc-sections too. One variable for each name: if two
// files of a program differ, both of their choices are checked.
#if defined(__has_attribute)
#if __has_attribute(retain)
#define WEIR_BUILT_WITH_KEPT                                                   \
  [[gnu::used, gnu::retain, gnu::visibility("hidden")]]
#endif
#endif
#if !defined(WEIR_BUILT_WITH_KEPT)
#define WEIR_BUILT_WITH_KEPT [[gnu::used, gnu::visibility("hidden")]]
#endif
#define WEIR_BUILT_WITH_REFER(name)                                            \
  WEIR_BUILT_WITH_KEPT inline const char* const needs_##name = &name;
#define WEIR_BUILT_WITH_REFER_TO(name) WEIR_BUILT_WITH_REFER(name)
WEIR_BUILT_WITH_EACH(WEIR_BUILT_WITH_REFER_TO)
#undef WEIR_BUILT_WITH_REFER_TO
#undef WEIR_BUILT_WITH_REFER
#undef WEIR_BUILT_WITH_KEPT

// NOLINTEND(bugprone-macro-parentheses,readability-identifier-naming)

} // namespace weir::built_with
