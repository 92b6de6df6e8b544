// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "support/high_water.hpp"
#include "tally.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace weir::test::threads {

/// The counts of one iteration. Thread safety: any thread.
struct ledger {
  using count = std::atomic<std::uint64_t>;

  std::uint64_t ended(child_end e) const {
    return ends[static_cast<std::size_t>(e)];
  }
  std::uint64_t all_ended() const {
    std::uint64_t sum = 0;
    for (const count& n : ends)
      sum += n;
    return sum;
  }
  // All children that were to be spawned have run to their ends.
  bool has_returned(std::size_t n) const {
    return ended(child_end::returned) + ended(child_end::threw) >= n;
  }
  bool has_answered() const { return asked == admitted + refused + dropped; }

  std::atomic<int> alive{0}; // arguments of children, begun or not
  high_water inside;
  count began{0};
  std::array<count, child_ends> ends{};
  std::atomic<bool> stopping{false};
  // A cancel() of the group of the children has returned.
  std::atomic<bool> cancelled{false};

  // Spawns: asked for = admitted + refused + dropped.
  count asked{0};
  count admitted{0};
  count refused{0};
  count dropped{0};

  count hooked{0}; // calls of the error hook
  // Permits of the limiter, values of the channel.
  std::atomic<int> values{0};
  count sent{0};
  count received{0};
};

/// One requested spawn; it ends in one way, once.
class request final {
public:
  explicit request(ledger& book) noexcept : book_(&book) { ++book.asked; }
  request(request&& other) noexcept
      : book_(std::exchange(other.book_, nullptr)) {}
  request& operator=(request&&) = delete;
  ~request() {
    if (book_ != nullptr)
      ++book_->dropped;
  }
  /// True the first time.
  bool ends(bool admitted) noexcept {
    ledger* const book = std::exchange(book_, nullptr);
    if (book != nullptr)
      ++(admitted ? book->admitted : book->refused);
    return book != nullptr;
  }

private:
  ledger* book_;
};

/// A child from its first step to the end of its frame.
class presence final {
public:
  presence(ledger& book, tally& seen, place where) noexcept
      : book_(book), seen_(seen), where_(where) {
    ++book_.began;
    book_.inside.enter();
  }
  presence(const presence&) = delete;
  presence& operator=(const presence&) = delete;
  ~presence() {
    ++book_.ends[static_cast<std::size_t>(end_)];
    seen_.saw(where_, end_, book_.stopping);
    if (is_inside_)
      book_.inside.leave();
  }

  void ends(child_end e) noexcept { end_ = e; }
  /// It may lend its slot; then it has a slot again, unless it was withdrawn.
  void lends() noexcept {
    is_inside_ = false;
    book_.inside.leave();
  }
  void has_slot() noexcept {
    book_.inside.enter();
    is_inside_ = true;
  }

private:
  ledger& book_;
  tally& seen_;
  const place where_;
  child_end end_ = child_end::dropped;
  bool is_inside_ = true;
};

} // namespace weir::test::threads
