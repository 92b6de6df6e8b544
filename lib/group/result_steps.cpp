// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/result_steps.hpp>

#include "group_core.hpp"

#include <exception>
#include <utility>

namespace weir::detail {

bool throws_in_spite_of_results(task_group& group, std::exception_ptr& error) {
  if (std::exception_ptr broken = group_access::core(group).broken_off()) {
    error = std::move(broken);
    return true;
  }
  return group.stats().failed == 0;
}

bool is_broken_off_from_outside(task_group& group) noexcept {
  return group_access::core(group).is_broken_off_from_outside();
}

} // namespace weir::detail
