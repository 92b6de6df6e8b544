// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/sync/limiter_node.hpp>

#include "sync/limiter_core.hpp"
#include "sync/permit_source.hpp"

#include <cstddef>
#include <utility>

namespace weir::detail {

class group_core;

// The place of one group in the queue of its limiter. A group has one place,
// for the first in its own queue, so that groups take turns, however many wait
// in each.
//
// Members without a thread note: under the group's lock. The limiter's lock is
// taken under it; waiters that get permits are completed after both are
// released.
class group_permits final : public permit_source,
                            public cached<group_permits>,
                            private limiter_node {
public:
  group_permits(group_core& group, limiter_core& from) noexcept
      : limiter_node(&group_permits::settled, 1), group_(group), from_(from) {
    from_.add_group();
  }
  group_permits(const group_permits&) = delete;
  group_permits& operator=(const group_permits&) = delete;
  ~group_permits() { from_.remove_group(); }

  // Any thread.
  limiter_core& from() const noexcept { return from_; }

  bool try_take(std::size_t weight) noexcept override {
    return from_.try_acquire(weight);
  }
  answer take_first(std::size_t weight) noexcept override;
  void none_wanted() noexcept override;

  void put_back(std::size_t weight) noexcept {
    if (weight != 0)
      from_.release(weight, granted_);
  }
  // The limiter's answer has come: what was granted can be taken first.
  void answered(bool granted) noexcept {
    asked_ = false;
    in_hand_ = granted ? weight : 0;
  }
  // Its answer is still to come.
  bool is_asking() const noexcept { return asked_; }

  // The waiters that got a permit, to be completed without any lock.
  limiter_queue take_granted() noexcept { return std::exchange(granted_, {}); }

private:
  static void settled(limiter_node& node, bool granted) noexcept;

  group_core& group_;
  limiter_core& from_;
  bool asked_ = false; // in the limiter's queue, or its answer is on the way
  std::size_t in_hand_ = 0;
  limiter_queue granted_;
};

} // namespace weir::detail
