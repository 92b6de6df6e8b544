// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/result.hpp>
#include <weir/task_group.hpp>

#include "group_access.hpp"
#include "group_steps.hpp"
#include "result_list.hpp"

#include <exception>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::detail {

// Whether a join that reports `error` throws, although the group keeps going
// after an error: not for a child's, which is in its slot. Changes it to the
// deadline's if that is why the group ended.
WEIR_API bool throws_in_spite_of_results(task_group& group,
                                         std::exception_ptr& error);
// Whether that is a cancellation from outside.
WEIR_API bool is_broken_off_from_outside(task_group& group) noexcept;

// result_group::join as an operation: a join_step, and the results.
template <typename T>
class results_step final : public join_step {
public:
  using signature = void(std::exception_ptr, std::vector<result<T>>);

  results_step(task_group& group,
               result_list<T>& list,
               on_error siblings) noexcept
      : join_step(group_access::core(group)), group_(&group), list_(&list),
        siblings_(siblings) {}

  bool start(waiter& w, task_core* task) noexcept {
    deadlock_ = runs_in(group_access::core(*group_), task);
    return join_step::start(w, task); // When false, *this may be destroyed.
  }
  bool ended_by_cancel() const noexcept {
    return siblings_ == on_error::keep_going
               ? !deadlock_ &&
                     (was_aborted() || is_broken_off_from_outside(*group_))
               : join_step::ended_by_cancel();
  }

  std::vector<result<T>> finish() {
    if (std::exception_ptr error = error_of_join())
      std::rethrow_exception(std::move(error));
    return list_->take(group_->stats().spawned);
  }
  std::tuple<std::exception_ptr, std::vector<result<T>>> arguments() {
    try {
      return {nullptr, finish()};
    } catch (...) {
      return {std::current_exception(), std::vector<result<T>>()};
    }
  }

private:
  std::exception_ptr error_of_join() {
    std::exception_ptr error = std::get<0>(join_step::arguments());
    if (error && !deadlock_ && siblings_ == on_error::keep_going &&
        !throws_in_spite_of_results(*group_, error))
      error = was_aborted() ? aborted_error() : nullptr;
    return error;
  }

  task_group* group_;
  result_list<T>* list_;
  on_error siblings_;
  bool deadlock_ = false;
};

} // namespace weir::detail
