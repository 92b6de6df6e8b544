// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/abandoning.hpp>

#include "group/group_core.hpp"
#include "runtime_core.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>

// How a runtime's destructor ends it: docs/design/end-of-a-runtime.md. Its last
// part is the end as by stop(), in runtime_stop.cpp.

namespace weir::detail {

runtime_core::~runtime_core() {
  ready_.await_outside();
  timers_.close();
  // What is destroyed here may submit to the scheduler, which drops it. There
  // may be frames of asio::awaitables in handlers, in any order.
  abandoning_scope scope;
  const auto drop_left = [this] {
    while (ready_item* const item = ready_.take_left())
      static_cast<task_core*>(item)->drop_queued();
  };
  drop_left();
  pool_.reset();
  drop_left();
}

// A deterministic runtime that cannot end is left as it is, with all that is
// suspended on it: to destroy that would touch what it waits for.
void runtime_core::destroy(runtime_core* core) noexcept {
  if (core->end())
    delete core;
}

// False: it gave up.
bool runtime_core::end() noexcept {
  if (!is_stopped())
    shut_down();
  begin_end();
  if (!finish_end())
    return false;
  std::unique_lock held(lock_);
  changed_.wait(held, [this] { return waits_ == nullptr; });
  return true;
}

void runtime_core::marker::operator()() const noexcept {
  if (turns != 0) {
    asio::post(*self->pool_, marker{self, reached, turns - 1});
    return;
  }
  std::lock_guard held(self->lock_);
  if (reached != nullptr) {
    *reached = true;
    self->changed_.notify_all(); // Under the lock, as in remove_root().
  } else {
    self->set_stage(stage::over);
  }
}

// The destroying thread.
void runtime_core::shut_down() noexcept {
  {
    std::lock_guard held(lock_);
    // release: as the looks at the groups are that follow, which is what
    // counts, see group_is_idle().
    closing_.store(true, std::memory_order_release);
  }
  if (driver_ != nullptr) {
    driver_->shut_down();
    return;
  }
  cancel_all();
  {
    std::unique_lock held(lock_);
    const auto idle = [this] { return is_idle() || is_stopped(); };
    if (!changed_.wait_for(held, patience, idle)) {
      char line[80];
      std::snprintf(line,
                    sizeof line,
                    "the runtime's destructor still waits, after %d s, for",
                    static_cast<int>(patience.count()));
      report(line);
      changed_.wait(held, idle);
    }
  }
  if (is_stopped())
    return;
  // Completion handlers of the tasks are still in the pool's queue, which is
  // first in, first out: let them run. Twice, for a thread keeps what a
  // handler defers to itself until that handler returns.
  bool reached = false; // under lock_
  asio::post(*pool_, marker{this, &reached, 1});
  {
    std::unique_lock held(lock_);
    changed_.wait(held, [&] { return reached; });
  }
}

void runtime_core::cancel_all() noexcept {
  const auto next_root = [this] {
    std::lock_guard held(lock_);
    task_core* root = roots_.tell_next();
    if (root != nullptr)
      root->add_ref();
    return root;
  };
  while (task_core* root = next_root()) {
    root->whole().request(asio::cancellation_type::terminal);
    root->release();
  }
  // Those behind a shield are cancelled by what is inside, if at all.
  group_core* groups = nullptr;
  {
    std::lock_guard held(lock_);
    for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next) {
      if (g->is_shielded())
        continue;
      g->add_ref();
      g->cancel_next = groups;
      groups = g;
    }
  }
  while (groups != nullptr) {
    group_core* group = std::exchange(groups, groups->cancel_next);
    group->cancel(group_state::cause::outside, {});
    group->release();
  }
}

// Under lock_.
void runtime_core::report(const char* first_line) noexcept {
  std::fprintf(stderr, "weir: %s:\n", first_line);
  roots_.for_each([](const task_core& root) {
    std::fprintf(
        stderr, "  task %s\n", root.name == nullptr ? "(unnamed)" : root.name);
  });
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next)
    if (!g->is_idle())
      g->report(stderr);
}

} // namespace weir::detail
