// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "waiter.hpp"

#include <cstdint>

namespace weir::detail {

class task_core;

// A waiter in one of a group's queues. Guarded by the group's lock until it
// has left the queue, then its own again.
struct group_waiter {
  enum class kind : std::uint8_t {
    spawner, // wants a slot for its new child
    lender,  // a child that lent its slot to its own new child; wants one back
    permit_lender, // a child of another group that lent its permit
    rejoiner,      // gave its permit back while it waited in another group
    joiner,        // waits for the last child
    idler,         // the same, and leaves the group as it is
    stopper,       // waits until the group is asked to stop
  };
  enum class wait_result : std::uint8_t {
    none,     // not in a queue
    queued,   //
    granted,  // got what it waited for; a lender, its slot
    restored, // a lender: got its permit back, too
    // In vain:
    refused,   // the group was cancelled meanwhile
    oversized, // it wants more than the limiter has
  };

  group_waiter* prev = nullptr;
  group_waiter* next = nullptr;
  waiter* who = nullptr;
  std::uint64_t index = 0; // of the child it spawned; while it waits for
                           // permits: how many, less one
  kind role = kind::spawner;
  wait_result state = wait_result::none;
};

// A waiter for the children of a group. A task that has permits of
// the group's limiter gives them back meanwhile, for they may be what the
// children wait for; it then waits once more, in its own group, as a rejoiner.
struct resting_waiter : group_waiter {
  task_core* self = nullptr; // null: not a task
  std::uint32_t lent = 0;    // under the group's lock, constant once it left
  bool rejoining = false;    // under its own group's lock
  bool gave_up = false;      // under its own group's lock
};

} // namespace weir::detail
