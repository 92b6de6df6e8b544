// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/executor.hpp>

#include "group_waiter.hpp"
#include "waiter.hpp"

#include <boost/system/error_code.hpp>

#include <tuple>

namespace weir::detail {

class group_core;
class task_core;

// task_group::wait_idle and wait_stopping as an operation.
class group_wait_step final : public resting_waiter {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "group idle or stopping";
  static constexpr bool starts_cancelled = false;
  static constexpr bool yields = false;

  // `what`: idler or stopper.
  group_wait_step(group_core& group, kind what) noexcept;
  group_wait_step(group_wait_step&& other) noexcept;
  ~group_wait_step();

  bool start(waiter& w, task_core* self) noexcept;
  bool on_cancel(waiter& w) noexcept;
  void keep_alive() noexcept;
  void abort() noexcept;
  bool ended_by_cancel() const noexcept;
  void finish() const;
  std::tuple<boost::system::error_code> arguments() const { return {code_}; }
  executor fallback_executor() const noexcept;

private:
  group_core* group_;
  bool counted_ = false; // holds a reference on *group_
  boost::system::error_code code_;
};

} // namespace weir::detail
