// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::detail {

// Where the rules of a group get the permits that its children need in addition
// to a slot. Called under the group's lock.
class permit_source {
public:
  enum class answer : std::uint8_t {
    taken,
    later, // group_state::admit_waiting() is called then
    never, // more than the capacity
  };

  // Takes permits only if they are free and there are no waiters.
  virtual bool try_take(std::size_t weight) noexcept = 0;
  // For the first in the group's queue.
  virtual answer take_first(std::size_t weight) noexcept = 0;
  // No waiter in the queue can use a permit now.
  virtual void none_wanted() noexcept = 0;

protected:
  ~permit_source() = default;
};

} // namespace weir::detail
