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

// What has been asked of a whole task (task_core) or of a stretch of it
// (cancel_scope): to be cancelled, and with which types.
//
// Members without a thread note belong to the holder of the task's strand.
class cancel_request : protected strand_item {
public:
  cancel_request(const cancel_request&) = delete;
  cancel_request& operator=(const cancel_request&) = delete;

  // Any thread, with no lock held, any number of times, while the requester
  // knows *this to be alive: it holds a task_ref, or has announced itself to a
  // scope, whose leave() waits. The emission may run on this thread; a
  // coroutine does not.
  void request(asio::cancellation_type types) noexcept;

  // True when a request arrived.
  [[nodiscard]] bool is_cancelled() const noexcept { return types_ != 0; }

protected:
  explicit cancel_request(const strand_item_kind& k) noexcept
      : strand_item(k) {}
  ~cancel_request() = default;

  // What was requested is delivered. acquire, release: see request().
  void take() noexcept {
    types_ |= requested_.exchange(0, std::memory_order_acq_rel);
  }
  // Delivered, or on the way: acquire, see request() and cancel_scope::leave().
  std::uint8_t all_types() const noexcept {
    return types_ | requested_.load(std::memory_order_acquire);
  }

  std::uint8_t types_ = 0; // of asio::cancellation_type, delivered

private:
  // Types requested and not yet delivered. 0 -> n submits this item; the
  // delivery takes them back to 0, after which it may be submitted again.
  sync::atomic<std::uint8_t> requested_{0};
};

} // namespace weir::detail
