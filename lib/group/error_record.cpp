// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "error_record.hpp"

#include <weir/group_error.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir::detail {

error_record::~error_record() {
  while (nodes_) // Not recursively: there may be many.
    nodes_ = std::move(nodes_->next);
}

void error_record::add(const std::exception_ptr& error,
                       std::unique_ptr<node>& kept) noexcept {
  ++failed_;
  if (!first_)
    first_ = error;
  if (kept && kept_ < wanted_) {
    ++kept_;
    kept->next = std::move(nodes_);
    nodes_ = std::move(kept);
  }
}

void error_record::reset(error_record& old) noexcept {
  std::swap(kept_, old.kept_);
  std::swap(failed_, old.failed_);
  std::swap(first_, old.first_);
  std::swap(nodes_, old.nodes_);
}

std::exception_ptr error_record::get() const {
  if (!first_ || !is_collecting())
    return first_;
  std::vector<group_error::entry> entries;
  entries.reserve(kept_);
  for (const node* n = nodes_.get(); n != nullptr; n = n->next.get())
    entries.push_back({n->index, n->name, n->error});
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.index < b.index;
  });
  return std::make_exception_ptr(group_error(std::move(entries), failed_));
}

} // namespace weir::detail
