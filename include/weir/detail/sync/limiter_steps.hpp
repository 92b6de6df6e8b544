// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/operation_base.hpp>
#include <weir/detail/wait/waiter.hpp>
#include <weir/permit.hpp>

#include "limiter_node.hpp"

#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <tuple>

namespace weir::detail {

// limiter::acquire as an operation.
// keep_alive() has nothing to do: until it is settled it counts as waiting,
// then as in use, so the core stays.
class acquire_step final : public coded_operation, limiter_node {
public:
  using signature = void(boost::system::error_code, permit);
  static constexpr const char* waits_for = "limiter";

  acquire_step(limiter_core& core, std::size_t n) noexcept
      : limiter_node(&acquire_step::settled, n), core_(&core) {}
  // Only before it is started.
  acquire_step(acquire_step&& other) noexcept
      : acquire_step(*other.core_, other.weight) {}
  ~acquire_step() {
    if (granted_)
      give_back(*core_, weight); // The waiter did not take it.
  }

  WEIR_API bool start(waiter& w, task_core* self) noexcept;
  WEIR_API bool on_cancel(waiter& w) noexcept;
  WEIR_API permit finish();
  WEIR_API std::tuple<boost::system::error_code, permit> arguments() noexcept;

private:
  WEIR_API static void settled(limiter_node& node, bool granted) noexcept;
  permit take() noexcept;

  limiter_core* core_;
  waiter* who_ = nullptr;
  bool granted_ = false; // a permit that was not taken out yet
};

} // namespace weir::detail
