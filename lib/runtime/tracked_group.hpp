// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/task_core.hpp>

#include <cstddef>
#include <cstdio>

namespace weir::detail {

class tracked_group;

// Links of the runtime's list of groups; guarded by its lock.
struct group_links {
  tracked_group* prev = nullptr;
  tracked_group* next = nullptr;
};

// A group, as the runtime knows it. The runtime lists all groups, cancels them
// when it is destroyed, and destroys their children's frames when it ends.
//
// All members may be called from any thread.
class tracked_group : public task_owner {
public:
  virtual void add_ref() noexcept = 0;
  virtual void release() noexcept = 0;

  // No child is left, and no waiter wants to start one.
  virtual bool is_idle() const noexcept = 0;
  // How many have not ended.
  virtual std::size_t children() const noexcept = 0;
  // Cancels the group as from outside of it.
  virtual void cancel_from_outside() noexcept = 0;
  // The runtime ends: marks all children, so that they are not resumed any
  // more.
  virtual void signal_end() noexcept = 0;
  virtual void report(std::FILE* out) const noexcept = 0;

  // Those children that have awaited.
  template <typename F>
  void for_each_child(F f) const {
    visit_children(
        [](task_core& child, void* to) { (*static_cast<F*>(to))(child); }, &f);
  }

  // The task that created the group, with a reference; null if none did.
  task_core* maker() const noexcept override { return maker_; }
  void set_maker(task_core* task) noexcept { maker_ = task; }

  group_links runtime_links;
  tracked_group* cancel_next = nullptr; // of runtime_core::cancel_all()
  tracked_group* end_next = nullptr;    // of runtime_core::begin_end()

protected:
  tracked_group() = default;
  ~tracked_group() = default;

  virtual void visit_children(void (*visit)(task_core& child, void* to),
                              void* to) const = 0;

private:
  task_core* maker_ = nullptr;
};

} // namespace weir::detail
