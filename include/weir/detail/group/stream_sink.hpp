// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/as_task.hpp>
#include <weir/task.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// The callback of an ordered_stream, type-erased.
template <typename T>
class stream_sink {
public:
  virtual ~stream_sink() = default;
  // A plain callback has run when it returns, and the task is empty.
  virtual task<> deliver(T&& value) = 0;
};

template <typename T, typename F>
class stream_callback final : public stream_sink<T> {
public:
  explicit stream_callback(F f) : f_(std::move(f)) {}

  task<> deliver(T&& value) override {
    using returned = std::invoke_result_t<F&, T>;
    if constexpr (std::is_same_v<returned, task<>>) {
      return std::invoke(f_, std::move(value));
    } else if constexpr (work<returned>) {
      return call_work<std::reference_wrapper<F>, T>(std::ref(f_),
                                                     std::move(value));
    } else {
      (void)std::invoke(f_, std::move(value));
      return {};
    }
  }

private:
  F f_;
};

} // namespace weir::detail
