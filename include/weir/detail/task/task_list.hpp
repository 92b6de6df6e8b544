// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "task_core.hpp"

namespace weir::detail {

// The tasks of one owner that a cancellation must mark, in two parts: those
// that are marked, and those that are not. Linked by task_core::links; the
// caller holds the owner's lock.
class task_list {
public:
  bool empty() const noexcept {
    return uncancelled_ == nullptr && cancelled_ == nullptr;
  }

  void add(task_core& task) noexcept { push(uncancelled_, task); }
  void add_cancelled(task_core& task) noexcept { push(cancelled_, task); }

  void remove(task_core& task) noexcept {
    auto& [prev, next] = task.links;
    if (next != nullptr)
      next->links.prev = prev;
    if (prev != nullptr)
      prev->links.next = next;
    else
      (uncancelled_ == &task ? uncancelled_ : cancelled_) = next;
  }

  // A task that was not in the other part and that this has marked as
  // cancelled: with a reference, for cancel_request::submit(). Null if there is
  // none.
  task_core* mark_next() noexcept {
    while (task_core* const task = uncancelled_) {
      remove(*task);
      push(cancelled_, *task);
      if (task->whole().mark(asio::cancellation_type::terminal)) {
        task->add_ref();
        return task;
      }
    }
    return nullptr;
  }

  task_core* any() const noexcept {
    return uncancelled_ != nullptr ? uncancelled_ : cancelled_;
  }

  template <typename F>
  void for_each(F f) const {
    for (task_core* t = uncancelled_; t != nullptr; t = t->links.next)
      f(*t);
    for (task_core* t = cancelled_; t != nullptr; t = t->links.next)
      f(*t);
  }

private:
  static void push(task_core*& head, task_core& task) noexcept {
    task.links = {nullptr, head};
    if (head != nullptr)
      head->links.prev = &task;
    head = &task;
  }

  task_core* uncancelled_ = nullptr;
  task_core* cancelled_ = nullptr;
};

} // namespace weir::detail
