// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

namespace weir::detail {

class task_core;

// The errors of a loop's elements. Any thread.
class element_errors final {
public:
  WEIR_API explicit element_errors(error_policy policy);
  element_errors(const element_errors&) = delete;
  element_errors& operator=(const element_errors&) = delete;
  WEIR_API ~element_errors();

  WEIR_API void add(std::uint64_t index,
                    const std::exception_ptr& error) noexcept;
  WEIR_API bool any() const noexcept;
  // When all workers have ended: the first, or a group_error; null if none.
  WEIR_API std::exception_ptr get() const;

private:
  struct record;
  std::unique_ptr<record> record_;
};

// The threads of the runtime that `task` is on.
WEIR_API std::size_t threads_of(const task_core& task) noexcept;

} // namespace weir::detail
