// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace weir::test {

namespace asio = boost::asio;

struct gate_state {
  explicit gate_state(const asio::any_io_executor& ex)
      : timer(ex, asio::steady_timer::time_point::max()) {}

  std::mutex mutex;
  bool open = false;        // guarded by mutex
  std::size_t arrivals = 0; // guarded by mutex
  // Guarded by mutex. A cancellation through a slot only touches Asio's queue
  // of timers, which has a lock of its own.
  asio::steady_timer timer;
};

template <typename Handler>
struct gate_handler {
  void operator()(boost::system::error_code ec) {
    {
      std::lock_guard lock(state->mutex);
      if (state->open)
        ec = {};
    }
    state.reset();
    std::move(handler)(ec);
  }

  std::shared_ptr<gate_state> state;
  Handler handler;
};

/// Closed until open() is called; then it stays open. An Asio operation, so it
/// can be awaited by a weir::task and by an asio::awaitable, and cancelled.
/// Thread safety: any thread.
class gate final {
public:
  explicit gate(const asio::any_io_executor& ex)
      : state_(std::make_shared<gate_state>(ex)) {}
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  /// Completes once the gate is open.
  template <asio::completion_token_for<void(boost::system::error_code)> Token =
                asio::deferred_t>
  auto wait(Token&& token = Token()) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [](auto handler, std::shared_ptr<gate_state> state) {
          using waiting = gate_handler<decltype(handler)>;
          std::lock_guard lock(state->mutex);
          ++state->arrivals;
          state->timer.async_wait(waiting{state, std::move(handler)});
        },
        token,
        state_);
  }

  void open() {
    std::lock_guard lock(state_->mutex);
    state_->open = true;
    // Later waits then complete at once.
    state_->timer.expires_at(asio::steady_timer::time_point::min());
  }

  /// How many waits have been started.
  std::size_t arrivals() const {
    std::lock_guard lock(state_->mutex);
    return state_->arrivals;
  }

private:
  std::shared_ptr<gate_state> state_;
};

} // namespace weir::test

template <template <typename, typename> class Associator,
          typename Handler,
          typename Default>
struct boost::asio::associator<Associator,
                               weir::test::gate_handler<Handler>,
                               Default> : Associator<Handler, Default> {
  static auto get(const weir::test::gate_handler<Handler>& h) noexcept {
    return Associator<Handler, Default>::get(h.handler);
  }
  static auto get(const weir::test::gate_handler<Handler>& h,
                  const Default& d) noexcept {
    return Associator<Handler, Default>::get(h.handler, d);
  }
};
