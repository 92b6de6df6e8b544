// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/group/element_errors.hpp>

#include "error_record.hpp"
#include "runtime/runtime_core.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>

namespace weir::detail {

struct element_errors::record : cached<record> {
  explicit record(std::size_t collected) noexcept : errors(collected) {}

  spin_lock lock;
  error_record errors; // under lock
};

element_errors::element_errors(error_policy policy)
    : record_(std::make_unique<record>(policy.collected())) {}

element_errors::~element_errors() = default;

void element_errors::add(std::uint64_t index,
                         const std::exception_ptr& error) noexcept {
  std::unique_ptr<error_record::node> kept;
  if (record_->errors.is_collecting()) {
    try {
      kept = std::make_unique<error_record::node>();
      kept->index = index;
      kept->error = error;
    } catch (const std::bad_alloc&) {
      kept = nullptr; // Only counted, but the first is always kept.
    }
  }
  std::lock_guard held(record_->lock);
  record_->errors.add(error, kept);
}

bool element_errors::any() const noexcept {
  std::lock_guard held(record_->lock);
  return record_->errors.has_error();
}

std::exception_ptr element_errors::get() const { return record_->errors.get(); }

std::size_t threads_of(const task_core& task) noexcept {
  return task.runtime().stats().threads;
}

} // namespace weir::detail
