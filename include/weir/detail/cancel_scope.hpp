// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "strand.hpp"
#include "sync.hpp"

#include <boost/asio/cancellation_type.hpp>

#include <atomic>
#include <cstdint>

namespace weir::detail {

namespace asio = boost::asio;

class task_core;

// A stretch of one task that can be cancelled by itself: the whole task, the
// body of with_task_group, what with_timeout runs, what shield protects.
// Scopes nest like the coroutine frames they live in.
//
// Members without a thread note belong to the holder of the task's strand.
class cancel_scope : private strand_item {
public:
  // Why it is cancelled, if it is: open, as the task's owner says; deadline,
  // the time; body, as the group of this body_scope says.
  enum class kind : std::uint8_t { open, shield, deadline, body };

  // The task's outermost scope.
  explicit cancel_scope(task_core& core) noexcept
      : strand_item(&cancel_scope::deliver), core_(core) {}
  // Enters a scope inside the current one.
  cancel_scope(task_core& core, kind k) noexcept;
  cancel_scope(const cancel_scope&) = delete;
  cancel_scope& operator=(const cancel_scope&) = delete;

  // Any thread, with no lock held, any number of times, while the requester
  // knows the scope to be alive: either it holds a task_ref (outermost scope)
  // or it has announced itself, and leave() waits. The emission may run on
  // this thread; a coroutine does not.
  void request(asio::cancellation_type types) noexcept;

  // Any thread. Says that a request() is certain to follow.
  void announce() noexcept {
    // release: with the acquire in leave(), whatever the announcer did before
    // is seen by the task that leaves.
    announced_.store(true, std::memory_order_release);
  }

  // True when a request arrived in this very scope.
  [[nodiscard]] bool is_cancelled() const noexcept { return types_ != 0; }

  // Leaves the scope, which must be the current one. False: an announced
  // request is still on its way; the coroutine that leaves must suspend, and
  // is resumed when it has arrived.
  [[nodiscard]] bool leave() noexcept;

private:
  friend class task_core;

  static void deliver(strand_item& item, strand_item::how how) noexcept;

  task_core& core_;
  cancel_scope* outer_ = nullptr;
  std::uint8_t types_ = 0; // of asio::cancellation_type, delivered
  // Types requested and not yet delivered. 0 -> n submits this item; the
  // delivery takes them back to 0, after which it may be submitted again.
  sync::atomic<std::uint8_t> requested_{0};
  sync::atomic<bool> announced_{false};
  bool leaving_ = false;
  kind kind_ = kind::open;
};

} // namespace weir::detail
