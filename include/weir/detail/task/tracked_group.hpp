// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "task_core.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace weir::detail {

class tracked_group;

// Links of one of the lists of a group_registry; guarded by its lock.
struct group_links {
  tracked_group* prev = nullptr;
  tracked_group* next = nullptr;
};

// For the tree of tasks.
struct group_summary {
  const char* name;
  std::size_t in_flight;
  std::size_t cap;     // the largest number for no cap
  std::size_t waiting; // spawns that wait
};

// A group, as the runtime knows it. The runtime lists all groups, cancels them
// when it is destroyed, and destroys their children's frames when it ends.
//
// All members may be called from any thread.
class tracked_group : public task_owner {
public:
  // Keeps it until release(). False: it is about to end, without children.
  [[nodiscard]] virtual bool try_add_ref() noexcept = 0;
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
  // The thread that has put it into its pending_cancels calls this once.
  virtual void cancel_queued() noexcept = 0;
  virtual group_summary summary() const noexcept = 0;
  void report(std::FILE* out) const noexcept;

  // Those children that have awaited.
  template <typename F>
  void for_each_child(F f) const {
    visit_children(
        [](task_core& child, void* to) { (*static_cast<F*>(to))(child); }, &f);
  }

  // The task that created the group; null if none did. With a reference, unless
  // the group is in a frame of that task.
  task_core* maker() const noexcept override { return maker_; }
  bool is_in_frame() const noexcept { return is_in_frame_; }
  void set_maker(task_core* task, bool is_in_frame) noexcept {
    maker_ = task;
    is_in_frame_ = is_in_frame;
  }

  group_links runtime_links;
  tracked_group* cancel_next = nullptr; // of runtime_core::cancel_all()
  tracked_group* end_next = nullptr;    // of runtime_core::begin_end()
  tracked_group* queued_next = nullptr; // of pending_cancels
  std::uint8_t runtime_list = 0;        // which list of the registry; constant
  bool is_in_cancel_chain = false; // under the runtime's lock, as cancel_next

protected:
  tracked_group() = default;
  ~tracked_group() = default;

  virtual void visit_children(void (*visit)(task_core& child, void* to),
                              void* to) const = 0;

private:
  bool is_in_frame_ = false;
  task_core* maker_ = nullptr;
};

} // namespace weir::detail
