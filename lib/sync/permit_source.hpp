// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::detail {

// Where the rules of a group get what its children need beside a slot. Called
// under the group's lock.
class permit_source {
public:
  enum class answer : std::uint8_t {
    taken,
    later, // group_state::admit_waiting() is called when it may be had
    never, // more than there is
  };

  // Only what can be had at once, and nobody waits for.
  virtual bool try_take(std::size_t weight) noexcept = 0;
  // For the first in the group's queue.
  virtual answer take_first(std::size_t weight) noexcept = 0;
  // Nobody in the queue could use one now.
  virtual void none_wanted() noexcept = 0;

protected:
  ~permit_source() = default;
};

} // namespace weir::detail
