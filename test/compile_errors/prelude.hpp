// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// Used by the mistakes in this folder. Precompiled by check.py.

#pragma once

#include <weir.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <coroutine>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;

weir::task<> work();
weir::task<> work_on(std::string text);
weir::task<int> gives();
weir::task<std::string> gives_text();
asio::awaitable<int> old_code();

void plain();
int plain_value();
void by_reference(int& n);
weir::task<> task_by_reference(int& n);

// Another library: one of its awaiters takes any coroutine, one only its own.
struct event {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept {}
  int await_resume() const noexcept { return 1; }
};
struct its_promise;
struct its_own {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<its_promise>) noexcept {}
  void await_resume() const noexcept {}
};
