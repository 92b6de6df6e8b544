// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/wait_traits.hpp>

#include <chrono>

namespace weir::detail {

namespace asio = boost::asio;

#if defined(WEIR_SYNC_POLICY)
using pool_timer = sync::timer; // a test's, fired by hand
#else
// Its executor is known, so that Asio needs no memory to call the handler.
using pool_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>,
                               asio::thread_pool::executor_type>;
#endif

} // namespace weir::detail
