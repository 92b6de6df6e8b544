// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/tracked_group.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace weir::detail {

// The groups of a runtime: several lists, so that workers that make and join
// groups rarely want the same lock. To visit all groups, which is rare, takes
// the locks of all lists.
//
// Any thread. The runtime's lock may be held; no group's lock.
class group_registry {
public:
  explicit group_registry(std::size_t workers) noexcept
      : used_(std::min(workers, lists_.size())) {}

  // The calling thread is the worker `index`, or no worker.
  void add(tracked_group& group, std::size_t index) noexcept {
    group.runtime_list = static_cast<std::uint8_t>(index % used_);
    list& in = lists_[group.runtime_list];
    std::lock_guard held(in.lock);
    group.runtime_links.prev = nullptr;
    group.runtime_links.next = in.first;
    if (in.first != nullptr)
      in.first->runtime_links.prev = &group;
    in.first = &group;
    ++in.count;
  }

  void remove(tracked_group& group) noexcept {
    list& in = lists_[group.runtime_list];
    std::lock_guard held(in.lock);
    tracked_group* const prev = group.runtime_links.prev;
    tracked_group* const next = group.runtime_links.next;
    if (next != nullptr)
      next->runtime_links.prev = prev;
    (prev != nullptr ? prev->runtime_links.next : in.first) = next;
    --in.count;
  }

  std::size_t size() const noexcept {
    std::size_t all = 0;
    for (std::size_t i = 0; i != used_; ++i) {
      std::lock_guard held(lists_[i].lock);
      all += lists_[i].count;
    }
    return all;
  }

  // Visits all groups that are registered at one moment; the newest first, if
  // there is one worker. `visit` neither adds nor removes one. It may throw.
  template <typename Visit>
  void for_each(Visit visit) const {
    const all_locks held(*this);
    for (std::size_t i = 0; i != used_; ++i)
      for (tracked_group* g = lists_[i].first; g != nullptr;
           g = g->runtime_links.next)
        visit(*g);
  }

  // Whether `is` is true for all of them, at one moment.
  template <typename Is>
  bool all_of(Is is) const {
    const all_locks held(*this);
    for (std::size_t i = 0; i != used_; ++i)
      for (const tracked_group* g = lists_[i].first; g != nullptr;
           g = g->runtime_links.next)
        if (!is(*g))
          return false;
    return true;
  }

private:
  struct alignas(64) list {
    mutable spin_lock lock;
    tracked_group* first = nullptr; // under lock
    std::size_t count = 0;          // under lock
  };
  class all_locks {
  public:
    explicit all_locks(const group_registry& r) noexcept : registry_(r) {
      for (std::size_t i = 0; i != registry_.used_; ++i)
        registry_.lists_[i].lock.lock();
    }
    all_locks(const all_locks&) = delete;
    all_locks& operator=(const all_locks&) = delete;
    ~all_locks() {
      for (std::size_t i = 0; i != registry_.used_; ++i)
        registry_.lists_[i].lock.unlock();
    }

  private:
    const group_registry& registry_;
  };

  std::array<list, 16> lists_;
  const std::size_t used_;
};

} // namespace weir::detail
