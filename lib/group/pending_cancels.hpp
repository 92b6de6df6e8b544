// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/tracked_group.hpp>

#include "base/thread_context.hpp"

#include <utility>

namespace weir::detail {

// Groups whose children must still be marked as cancelled, by the thread that
// cancels the outermost of these groups.
//
// What a child waits for may be the join of another group, which is cancelled
// by the emission; that group then waits in this list until the outermost call
// handles it. So groups may be nested to any depth without recursion on the
// stack of the cancelling thread.
struct pending_cancels {
  // The list of the outermost cancellation on this thread; null: none is.
  static pending_cancels* outermost() noexcept { return own_thread().cancels; }

  // Makes this the outermost one.
  pending_cancels() noexcept { own_thread().cancels = this; }
  pending_cancels(const pending_cancels&) = delete;
  pending_cancels& operator=(const pending_cancels&) = delete;
  // Handles what was added meanwhile.
  ~pending_cancels() {
    while (tracked_group* const group = first_) {
      first_ = group->queued_next;
      if (first_ == nullptr)
        last_ = nullptr;
      group->cancel_queued();
    }
    own_thread().cancels = nullptr;
  }

  // With a reference, which cancel_queued() releases.
  void add(tracked_group& group) noexcept {
    group.queued_next = nullptr;
    (last_ != nullptr ? last_->queued_next : first_) = &group;
    last_ = &group;
  }

private:
  tracked_group* first_ = nullptr;
  tracked_group* last_ = nullptr;
};

} // namespace weir::detail
