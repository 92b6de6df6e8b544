// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>

#include "strand.hpp"

#include <boost/asio/cancellation_type.hpp>

#include <atomic>
#include <cstdint>

namespace weir::detail {

namespace asio = boost::asio;

class task_core;

// The cancellation requested of a whole task (task_core) or of a part of it
// (cancel_scope), with its types.
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
  void request(asio::cancellation_type types) noexcept {
    if (mark(types))
      submit();
  }
  // request() in two parts. From mark() on every await that the task begins
  // sees the request; it takes no lock and runs nothing, so the caller may
  // hold one. True: the caller must call submit(), with no lock held, which
  // interrupts what the task waits for.
  WEIR_API [[nodiscard]] bool mark(asio::cancellation_type types) noexcept;
  WEIR_API void submit() noexcept;
  // As mark(), of a whole task: its runtime ends, and the task is not resumed
  // any more.
  WEIR_API [[nodiscard]] bool mark_end() noexcept;

  // True when a request arrived.
  [[nodiscard]] bool is_cancelled() const noexcept { return types_ != 0; }

protected:
  explicit cancel_request(const strand_item_kind& k) noexcept
      : strand_item(k) {}
  ~cancel_request() = default;

  // What was requested is delivered. acquire, release: see mark().
  void take() noexcept {
    types_ = static_cast<std::uint8_t>(
        types_ |
        (requested_.exchange(0, std::memory_order_acq_rel) & every_request));
  }
  // Delivered, or on the way: acquire, see mark() and cancel_scope::leave().
  std::uint8_t all_types() const noexcept {
    return types_ |
           (requested_.load(std::memory_order_acquire) & every_request);
  }

  // Of a task only: the task looks at all that was requested of it and of its
  // scopes before its next await.
  void alert() noexcept {
    // release: what was requested is seen by the task that looks. acquire: a
    // read-modify-write, so that it carries on the release of others.
    requested_.fetch_or(alerted, std::memory_order_acq_rel);
  }
  bool is_alerted() const noexcept {
    // relaxed: calm_down() acquires before anything else is read. A request
    // that happens before this load is seen, as it wrote this very byte.
    return (requested_.load(std::memory_order_relaxed) & alerted) != 0;
  }
  void calm_down() noexcept {
    // acquire: pairs with alert() and mark(). release: as there.
    requested_.fetch_and(static_cast<std::uint8_t>(~alerted),
                         std::memory_order_acq_rel);
  }

  // Beside the types of asio::cancellation_type: see mark_end().
  static constexpr std::uint8_t end_of_runtime = 8;

  std::uint8_t types_ = 0; // delivered

private:
  static constexpr std::uint8_t every_type = 7; // of asio::cancellation_type
  static constexpr std::uint8_t every_request = every_type | end_of_runtime;
  static constexpr std::uint8_t alerted = 0x80;

  // Types requested and not yet delivered. The request that changes them from
  // none to some submits this item; the delivery resets them to none, after
  // which the item may be submitted again. A task also keeps `alerted` here.
  sync::atomic<std::uint8_t> requested_{0};
};

} // namespace weir::detail
