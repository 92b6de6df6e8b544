// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/executor.hpp>

#include "abort.hpp"
#include "promise.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace weir::detail {

// What `co_await asio::this_coro::cancellation_state` yields in a task.
class cancellation_view {
public:
  explicit cancellation_view(task_core& core) noexcept
      : slot_(core.signal().slot()), cancelled_(core.cancelled()) {}

  // The types of cancellation requested so far that the filter lets through.
  asio::cancellation_type cancelled() const noexcept { return cancelled_; }
  // The slot that operations awaited by this task get anyway.
  asio::cancellation_slot slot() const noexcept { return slot_; }

private:
  asio::cancellation_slot slot_;
  asio::cancellation_type cancelled_;
};

template <typename T>
class ready_value {
public:
  explicit ready_value(T value) : value_(std::move(value)) {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() { return std::move(value_); }

private:
  T value_;
};

template <>
class ready_value<void> {
public:
  ready_value() noexcept {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

// The types a cancellation filter lets through. Asio's filters test each bit
// separately. Other filters may not, so a filter is called once for each of the
// three bits.
template <typename Filter>
asio::cancellation_type passes(const Filter& filter) {
  using asio::cancellation_type;
  return filter(cancellation_type::terminal) |
         filter(cancellation_type::partial) | filter(cancellation_type::total);
}

// The vocabulary of asio::this_coro in a task.
class this_coro_transforms : public promise_base {
public:
  ready_value<executor> await_transform(asio::this_coro::executor_t) const {
    return ready_value<executor>(executor_access::of(*core()));
  }

  ready_value<cancellation_view>
  await_transform(asio::this_coro::cancellation_state_t) const {
    return ready_value<cancellation_view>(cancellation_view(*core()));
  }

  ready_value<void>
  await_transform(asio::this_coro::reset_cancellation_state_0_t) const {
    core()->set_filters(asio::cancellation_type::terminal,
                        asio::cancellation_type::terminal);
    return {};
  }
  template <typename Filter>
  ready_value<void> await_transform(
      asio::this_coro::reset_cancellation_state_1_t<Filter> reset) const {
    const auto types = passes(reset.filter);
    core()->set_filters(types, types);
    return {};
  }
  template <typename In, typename Out>
  ready_value<void> await_transform(
      asio::this_coro::reset_cancellation_state_2_t<In, Out> reset) const {
    core()->set_filters(passes(reset.in_filter), passes(reset.out_filter));
    return {};
  }

  ready_value<bool>
  await_transform(asio::this_coro::throw_if_cancelled_0_t) const {
    return ready_value<bool>(core()->throws_if_cancelled());
  }
  // Takes only that type: it converts from bool, and so from anything that
  // converts to bool, such as a number or a pointer.
  template <typename Set>
  requires std::same_as<std::remove_cvref_t<Set>,
                        asio::this_coro::throw_if_cancelled_1_t>
      ready_value<void> await_transform(Set&& set)
  const {
    core()->throw_if_cancelled(set.value);
    return {};
  }
};

} // namespace weir::detail
