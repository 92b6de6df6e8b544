// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>
#include <weir/detail/wait/operation_state.hpp>
#include <weir/error.hpp>

#include <boost/asio/async_result.hpp>

#include <type_traits>
#include <utility>

namespace weir {

namespace detail {
struct operation_access;
}

/// What weir's asynchronous functions return: an operation that has not
/// started.
///
/// It starts once, in one of two ways:
/// - `co_await`ed in a weir::task: nothing is allocated, the task resumes on
///   its own strand;
/// - called with a completion token (a callback, `use_future`, `deferred`,
///   ...), or `co_await`ed in an `asio::awaitable`: an Asio asynchronous
///   operation with the completion signature `signature`. The handler is posted
///   to its associated executor, by default the runtime's; by default the
///   system's if the operation has no runtime, as a sleep or a checkpoint. Its
///   cancellation slot is honoured and its allocator used.
template <typename Step>
class [[nodiscard("nothing happens until the operation is awaited or called "
                  "with a completion token")]] operation final {
public:
  /// The completion signature.
  using signature = typename Step::signature;

  /// For weir's own functions.
  template <typename... Args>
  explicit operation(std::in_place_t, Args && ... args)
      : step_(std::forward<Args>(args)...) {}
  operation(operation &&) = default;

  /// Starts the operation with a completion token.
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token)&& {
    if constexpr (requires { typename Step::initiation; })
      return asio::async_initiate<Token, signature>(
          typename Step::initiation(), token, std::move(step_));
    else
      return asio::async_initiate<Token, signature>(
          detail::initiate_operation(), token, std::move(step_));
  }

private:
  template <typename>
  friend class detail::await_operation;
  friend detail::operation_access;

  Step step_;
};

namespace detail {

struct operation_access {
  template <typename Step>
  static Step& step(operation<Step>& op) noexcept {
    return op.step_;
  }
};

} // namespace detail

} // namespace weir
