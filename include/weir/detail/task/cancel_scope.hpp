// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>

#include "cancel_request.hpp"

#include <atomic>
#include <cstdint>

namespace weir::detail {

class task_owner;

// A part of one task that can be cancelled by itself: the body of
// with_task_group, what with_timeout runs, what shield protects. Scopes nest
// like the coroutine frames they live in.
//
// Members without a thread note belong to the holder of the task's strand.
class cancel_scope : public cancel_request {
public:
  // Gives the reason for a cancellation. open: the reason of the task's owner.
  // deadline: the time. body: the reason of the group of this body_scope.
  enum class kind : std::uint8_t { open, shield, deadline, body };

  // Enters a scope inside the current one.
  WEIR_API cancel_scope(task_core& core, kind k) noexcept;

  // Any thread. Says that a request() is certain to follow; the awaits of the
  // task see it from here on.
  WEIR_API void announce() noexcept;

  // Leaves the scope, which must be the current one. False: an announced
  // request is still on its way; the coroutine that leaves must suspend, and
  // is resumed when it has arrived.
  WEIR_API [[nodiscard]] bool leave() noexcept;
  // Called when the frame with the scope is destroyed, at the end of its
  // runtime: waits for an announced request, which is on its way on another
  // thread.
  void break_off() noexcept;

private:
  friend class cancel_request;
  friend class task_core;

  static void deliver(strand_item& item, strand_item::how how) noexcept;
  static const strand_item_kind item_kind;

  bool is_announced() const noexcept {
    // acquire: pairs with announce().
    return announced_.load(std::memory_order_acquire);
  }
  // Delivered, or on its way: what the awaits of the task see.
  bool is_requested() const noexcept {
    return all_types() != 0 || is_announced();
  }

  task_core& core_;
  cancel_scope* const outer_; // null: the task
  sync::atomic<bool> announced_{false};
  bool leaving_ = false;
  const kind kind_;
};

// The scope of a group's body, which the group cancels.
class body_scope final : public cancel_scope {
public:
  body_scope(task_core& core, const task_owner& group) noexcept
      : cancel_scope(core, kind::body), group_(group) {}
  const task_owner& group() const noexcept { return group_; }

private:
  const task_owner& group_;
};

} // namespace weir::detail
