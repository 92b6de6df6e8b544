// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "waiter.hpp"

#include <cstdint>

namespace weir::detail {

// Somebody in one of a group's queues. Guarded by the group's lock until it
// has left the queue, then its own again.
struct group_waiter {
  enum class kind : std::uint8_t {
    spawner, // wants a slot for its new child
    lender,  // a child that lent its slot to its own new child; wants one back
    joiner,  // waits for the last child
    idler,   // the same, and leaves the group as it is
    stopper, // waits until the group is asked to stop
  };
  enum class fate : std::uint8_t {
    none,    // not in a queue
    queued,  //
    granted, // got what it waited for
    refused, // the group was cancelled meanwhile
  };

  group_waiter* prev = nullptr;
  group_waiter* next = nullptr;
  waiter* who = nullptr;
  std::uint64_t index = 0; // of the child it spawned
  kind role = kind::spawner;
  fate state = fate::none;
};

} // namespace weir::detail
