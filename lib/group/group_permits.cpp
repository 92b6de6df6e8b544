// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "group_permits.hpp"

#include "group_core.hpp"

#include <cstddef>
#include <utility>

namespace weir::detail {

permit_source::answer group_permits::take_first(std::size_t wanted) noexcept {
  if (in_hand_ != 0) {
    const std::size_t had = std::exchange(in_hand_, 0);
    if (had == wanted)
      return answer::taken;
    put_back(had); // They were for another spawn(), which was withdrawn.
  }
  if (asked_) {
    if (weight == wanted || !from_.withdraw(*this, granted_))
      return answer::later;
    asked_ = false;
  }
  weight = wanted;
  switch (from_.acquire(*this)) {
  case limiter_core::answer::granted:
    return answer::taken;
  case limiter_core::answer::refused:
    return answer::never;
  case limiter_core::answer::queued:
    break;
  }
  asked_ = true;
  return answer::later;
}

void group_permits::none_wanted() noexcept {
  put_back(std::exchange(in_hand_, 0));
  if (asked_ && from_.withdraw(*this, granted_))
    asked_ = false;
}

// Any thread, no lock held.
void group_permits::settled(limiter_node& node, bool granted) noexcept {
  static_cast<group_permits&>(node).group_.permit_settled(granted);
}

} // namespace weir::detail
