// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/wait/group_waiter.hpp>
#include <weir/detail/wait/operation_base.hpp>
#include <weir/detail/wait/waiter.hpp>
#include <weir/executor.hpp>

#include <boost/system/error_code.hpp>

#include <tuple>

namespace weir::detail {

class group_core;
class task_core;

// task_group::wait_idle and wait_stopping as an operation.
class group_wait_step final : public coded_operation, public resting_waiter {
public:
  using signature = void(boost::system::error_code);
  static constexpr const char* waits_for = "group idle or stopping";

  // `what`: idler or stopper.
  WEIR_API group_wait_step(group_core& group, kind what) noexcept;
  WEIR_API group_wait_step(group_wait_step&& other) noexcept;
  WEIR_API ~group_wait_step();

  WEIR_API bool start(waiter& w, task_core* self) noexcept;
  WEIR_API bool on_cancel(waiter& w) noexcept;
  WEIR_API void keep_alive() noexcept;
  WEIR_API void finish() const;
  std::tuple<boost::system::error_code> arguments() const { return {code_}; }
  WEIR_API executor fallback_executor() const noexcept;

private:
  group_core* group_;
  bool counted_ = false; // holds a reference on *group_
};

} // namespace weir::detail
