// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>

#include "await_asio.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// Where an awaited asio::awaitable<T> leaves its result. Not passed through
// Asio's handler, which would need a default-constructible T and ends the
// process when its move throws.
template <typename T>
struct awaitable_result {
  struct nothing {};
  std::optional<std::conditional_t<std::is_void_v<T>, nothing, T>> value;
  std::exception_ptr error;
};

template <typename T, typename Executor>
asio::awaitable<void, Executor> guard(asio::awaitable<T, Executor> child,
                                      awaitable_result<T>& result) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(child);
      result.value.emplace();
    } else {
      framed<T> value = co_await std::move(child);
      result.value.emplace(std::move(unframed(value)));
    }
  } catch (...) {
    result.error = std::current_exception();
  }
  // Asio 1.26 awaits once more outside of its own try block; a cancellation
  // noticed there would lose the completion handler and leave a pool thread
  // by exception (chriskohlhoff/asio#1452).
  co_await asio::this_coro::throw_if_cancelled(false);
}

// `co_await` of an asio::awaitable in a task: it runs on the task's strand and
// gets the task's cancellation.
template <typename T, typename Executor>
class await_awaitable final : public asio_wait {
  static_assert(std::is_convertible_v<executor, Executor>,
                "an asio::awaitable awaited in a weir::task runs on the task's "
                "strand: its executor type must be constructible from "
                "weir::executor, as asio::any_io_executor is");

public:
  explicit await_awaitable(asio::awaitable<T, Executor>&& child) noexcept
      : child_(std::move(child)) {}

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return suspend(*h.promise().core(), [this] {
      asio::co_spawn(executor_access::of(core()),
                     guard(std::move(child_), result_),
                     asio_handler<await_awaitable>(*this, core()));
    });
  }
  T await_resume() {
    finish();
    if (result_.error)
      std::rethrow_exception(std::exchange(result_.error, nullptr));
    if constexpr (!std::is_void_v<T>)
      return std::move(*result_.value);
  }

  // For the handler: guard() has stored the result, and does not throw.
  bool store(const std::exception_ptr&) const noexcept {
    return is_aborted(result_.error);
  }

private:
  asio::awaitable<T, Executor> child_;
  awaitable_result<T> result_;
};

} // namespace weir::detail
