// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/result.hpp>
#include <weir/task.hpp>

#include "group_access.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace weir::detail {

// A child's work, and then what came of it. Made with the child, so that a
// result is never lost for want of memory.
template <typename T>
struct result_node : cached_if_fits<result_node<T>> {
  explicit result_node(task<T>&& t) noexcept : work(std::move(t)) {}

  // Returns the child's error, null if it has none. What a copy or move of the
  // value throws is one.
  std::exception_ptr settle(outcome<T>& ended) {
    std::exception_ptr error = ended.error();
    try {
      if (ended.has_value()) {
        ended_with.emplace(std::in_place, ended.get());
        return nullptr;
      }
    } catch (...) {
      error = std::current_exception();
    }
    ended_with.emplace(ended.is_stopped() ? aborted_error() : error);
    return error;
  }

  task<T> work;
  std::optional<result<T>> ended_with;
  std::uint64_t index = 0;
  result_node* next = nullptr;
};

// Runs the work in `node`, as a child of a group, and writes down how it ended.
// The error is the child's error too.
template <typename T, typename Keep>
task<> run_for_result(Keep keep, std::unique_ptr<result_node<T>> node) {
  task_core& self = co_await this_core();
  node->index = self.index;
  outcome<T> ended =
      co_await outcome_of<T>(std::move(node->work), if_abandoned::failed);
  std::exception_ptr error = node->settle(ended);
  keep(std::move(node));
  if (error)
    std::rethrow_exception(std::move(error));
  if (ended.is_stopped())
    co_await pass_on_stop();
}

// The results so far of children that have ended, in no order.
template <typename T>
class result_list {
public:
  using node = result_node<T>;

  result_list() = default;
  result_list(const result_list&) = delete;
  result_list& operator=(const result_list&) = delete;
  ~result_list() { clear(head_.load(std::memory_order_relaxed)); } // alone

  // Any thread.
  void push(std::unique_ptr<node> n) noexcept {
    // relaxed: only compared, and stored in a node that is still ours.
    n->next = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(
        n->next,
        n.get(),
        std::memory_order_release,    // publishes the result to take()
        std::memory_order_relaxed)) { // as above
    }
    (void)n.release();
  }

  // All results at their places; a child of the `count` that left none was
  // cancelled before it began. Empty if they were taken before.
  std::vector<result<T>> take(std::uint64_t count) {
    // First what may throw: no result is lost then.
    std::vector<result<T>> all;
    std::vector<node*> at(static_cast<std::size_t>(count), nullptr);
    all.reserve(at.size());
    // relaxed: one of the callers wins, nothing else hangs on it.
    if (taken_.exchange(true, std::memory_order_relaxed))
      return {};
    // acquire: pairs with push().
    node* const head = head_.load(std::memory_order_acquire);
    for (node* n = head; n != nullptr; n = n->next)
      if (n->index < at.size())
        at[static_cast<std::size_t>(n->index)] = n;
    for (node* n : at) {
      if (n != nullptr)
        all.push_back(std::move(*n->ended_with));
      else
        all.emplace_back(aborted_error());
    }
    // relaxed: no child is left to push.
    head_.store(nullptr, std::memory_order_relaxed);
    clear(head);
    return all;
  }

private:
  static void clear(node* n) noexcept {
    while (n != nullptr)
      delete std::exchange(n, n->next);
  }

  sync::atomic<node*> head_{nullptr};
  sync::atomic<bool> taken_{false};
};

} // namespace weir::detail
