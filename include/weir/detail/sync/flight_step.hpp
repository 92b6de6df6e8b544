// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/abort.hpp>
#include <weir/detail/wait/queued_step.hpp>
#include <weir/detail/wait/waiter.hpp>
#include <weir/executor.hpp>
#include <weir/flight_result.hpp>

#include "flight.hpp"

#include <exception>
#include <memory>
#include <tuple>
#include <utility>

namespace weir::detail {

// single_flight::run as an operation.
template <typename Table, typename F, typename... Args>
class flight_step final : public queued_step {
  using key_type = typename Table::key_type;
  using value_type = typename Table::value_type;
  using result_type = flight_result<value_type>;

public:
  using signature = void(std::exception_ptr, result_type);
  static constexpr const char* waits_for = "single_flight";

  template <typename K, typename G, typename... As>
  flight_step(std::shared_ptr<Table> table, K&& key, G&& f, As&&... args)
      : table_(std::move(table)), key_(std::forward<K>(key)),
        f_(std::forward<G>(f)), args_(std::forward<As>(args)...) {}

  bool start(waiter& w, task_core* self) noexcept {
    const task_core* caller = self != nullptr ? self : current_task();
    try {
      table_->join(
          *this,
          w,
          caller,
          key_,
          [this](auto call) noexcept { call_ = std::move(call); },
          [this] {
            return std::apply(
                [this](Args&... args) {
                  return call_flight<value_type, F, Args...>(
                      std::move(f_), std::move(args)...);
                },
                args_);
          });
      return false; // *this may be destroyed.
    } catch (...) {
      error_ = std::current_exception();
      return true;
    }
  }
  bool on_cancel(waiter&) noexcept {
    if (!table_->leave(*this, *call_, is_leaving_))
      return false;
    abort();
    return true;
  }
  bool withdraw(waiter&) noexcept { return table_->withdraw(*this, *call_); }
  bool ended_by_cancel() const noexcept {
    return queued_step::ended_by_cancel() ||
           (is_leaving_ && call_->was_aborted);
  }
  result_type finish() {
    if (error_)
      std::rethrow_exception(std::move(error_));
    if (code_)
      throw_code(code_);
    if (call_->error)
      std::rethrow_exception(call_->error);
    return call_->result();
  }
  std::tuple<std::exception_ptr, result_type> arguments() {
    try {
      return {nullptr, finish()};
    } catch (...) {
      return {std::current_exception(), result_type()};
    }
  }
  executor fallback_executor() const noexcept {
    return executor_access::of(table_->runtime());
  }

private:
  std::shared_ptr<Table> table_;
  key_type key_;
  F f_;
  std::tuple<Args...> args_;
  std::shared_ptr<typename Table::call> call_; // from when it waits
  std::exception_ptr error_;                   // it could not take part
  bool is_leaving_ = false; // guarded by the table's lock while it waits
};

} // namespace weir::detail
