// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/contest.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/group_error.hpp>
#include <weir/quorum.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::detail {

contest_score::contest_score(task_core& parent,
                             const char* name,
                             std::size_t wanted,
                             contest_end end) noexcept
    : join_block(parent, name, first_cause::counts), claim_(wanted),
      wanted_(wanted), end_(end) {}

contest_score::~contest_score() = default;

bool contest_score::is_in_time(std::size_t position) noexcept {
  bool& claimed = entrants_[position].claimed;
  if (claimed)
    taken_.store(true, std::memory_order_relaxed); // as has_taken()
  else
    claimed = claim_.take();
  return claimed;
}

std::size_t contest_score::rank_of_winner() noexcept {
  // relaxed: only a count; the join orders what the entrants wrote.
  const std::size_t rank = won_.fetch_add(1, std::memory_order_relaxed);
  if (rank + 1 == wanted_)
    cancel(asio::error::operation_aborted, false);
  return rank;
}

// An error counts unless it is the abort of a cancellation. One too many
// cancels the others.
void contest_score::fail(task_core& core,
                         const std::exception_ptr& error) noexcept {
  if (error == nullptr)
    return; // Stopped, by a cancellation.
  const auto position = static_cast<std::size_t>(core.index);
  entrant& loser = entrants_[position];
  if ((is_asked_to_end() || claim_.is_spent()) && !loser.claimed &&
      is_aborted(error))
    return;
  if (end_ == contest_end::by_any_error) {
    // It is the first, or its result threw when it was moved.
    if (loser.claimed || is_in_time(position)) {
      decisive_ = error; // Read when all are joined.
      cancel(asio::error::operation_aborted, false);
    }
    return;
  }
  loser.name = core.name;
  loser.error = error;
  // relaxed: as above.
  const std::size_t lost = lost_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (lost == 1)
    first_ = error;
  const bool too_few_are_left = lost == entrants_.size() - wanted_ + 1;
  if (too_few_are_left || loser.claimed) // No other entrant can replace it.
    cancel(asio::error::operation_aborted, false);
}

void contest_score::fail_with_all() const {
  if (decisive_)
    std::rethrow_exception(decisive_);
  std::vector<group_error::entry> entries;
  for (std::size_t i = 0; i != entrants_.size(); ++i)
    if (const entrant& each = entrants_[i]; each.error)
      entries.push_back({i, each.name == nullptr ? "" : each.name, each.error});
  if (entries.empty())
    throw_aborted(); // All were cancelled.
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
