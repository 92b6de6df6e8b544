// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/contest.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/group_error.hpp>
#include <weir/quorum.hpp>

#include <boost/asio/multiple_exceptions.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace weir::detail {

std::size_t contest_score::rank_of_winner(task_group& group) noexcept {
  // relaxed: only a count; join() orders what the entrants wrote.
  const std::size_t rank = won_.fetch_add(1, std::memory_order_relaxed);
  if (rank + 1 == wanted_)
    group.cancel();
  return rank;
}

void contest_score::lost(task_group& group,
                         std::size_t position,
                         const char* name,
                         const std::exception_ptr& error,
                         bool claimed) noexcept {
  if ((group.is_cancelled() || claim_.is_spent()) && !claimed &&
      is_aborted(error))
    return;
  if (end_ == contest_end::by_any_error) {
    if (is_in_time(claimed) && rank_of_winner(group) == 0)
      decisive_ = error; // Read when all are joined.
    return;
  }
  errors_[position] = {name, error};
  // relaxed: as above.
  const std::size_t lost = lost_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (lost == 1)
    first_ = error;
  const bool too_few_are_left = lost == errors_.size() - wanted_ + 1;
  if (too_few_are_left || claimed) // No other entrant can replace it.
    group.cancel();
}

void contest_score::fail(const std::exception_ptr& seen_by_group) const {
  if (decisive_)
    std::rethrow_exception(decisive_);
  std::vector<group_error::entry> entries;
  for (std::size_t i = 0; i != errors_.size(); ++i)
    if (errors_[i].error)
      entries.push_back({i,
                         errors_[i].name == nullptr ? "" : errors_[i].name,
                         errors_[i].error});
  if (seen_by_group) {
    try {
      std::rethrow_exception(seen_by_group);
    } catch (const group_error& e) {
      entries.insert(entries.end(), e.errors().begin(), e.errors().end());
    }
  }
  if (entries.empty())
    throw_aborted(); // All were cancelled.
  if (end_ == contest_end::by_any_error)
    std::rethrow_exception(entries.front().error);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.index < b.index;
  });
  const std::size_t failed = entries.size();
  throw group_error(std::move(entries), failed);
}

void contest_score::fail_with_first() const {
  if (first_)
    throw asio::multiple_exceptions(first_);
}

void require_quorum(std::size_t k, std::size_t tasks) {
  if (k == 0)
    throw std::invalid_argument("weir::quorum: k is 0, must be at least 1");
  if (k > tasks)
    throw std::invalid_argument("weir::quorum: k is " + std::to_string(k) +
                                ", must be at most " + std::to_string(tasks) +
                                ", the number of tasks");
}

} // namespace weir::detail
