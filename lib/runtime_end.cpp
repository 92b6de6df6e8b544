// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/abandoning.hpp>

#include "group_core.hpp"
#include "runtime_core.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>

// How a runtime ends, in order or by stop(): docs/design/stop-and-abandon.md.

namespace weir::detail {

namespace {
constexpr std::chrono::seconds patience{10};
} // namespace

runtime_core::~runtime_core() {
  if (!is_stopped())
    shut_down();
  finish_stop();
  timers_.close();
  // What is destroyed here may submit to the scheduler, which drops it. There
  // may be frames of asio::awaitables in handlers, in any order.
  abandoning_scope scope;
  pool_.reset();
}

// --- orderly end
// ----------------------------------------------------------------

// Goes through the pool's queue, and through it once more.
struct runtime_core::marker {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  void operator()() const noexcept {
    if (turns != 0) {
      asio::post(*self->pool_, marker{self, reached, turns - 1});
      return;
    }
    std::lock_guard held(self->lock_);
    *reached = true;
    self->changed_.notify_all(); // Under the lock, as in remove_root().
  }

  runtime_core* self;
  bool* reached;
  int turns;
};

// The destroying thread.
void runtime_core::shut_down() noexcept {
  {
    std::lock_guard held(lock_);
    // release: pairs with group_is_idle().
    closing_.store(true, std::memory_order_release);
  }
  if (driver_ != nullptr) {
    driver_->shut_down();
    stop();
    return;
  }
  cancel_all();
  {
    std::unique_lock held(lock_);
    const auto idle = [this] { return is_idle() || is_stopped(); };
    if (!changed_.wait_for(held, patience, idle)) {
      report_waiting();
      changed_.wait(held, idle);
    }
  }
  if (is_stopped())
    return;
  // Completion handlers of the tasks are still in the pool's queue, which is
  // first in, first out: let them run. Twice, for a pool of one thread keeps
  // what a handler posts to itself until that handler returns.
  bool reached = false; // under lock_
  asio::post(*pool_, marker{this, &reached, 1});
  {
    std::unique_lock held(lock_);
    changed_.wait(held, [&] { return reached; });
  }
  stop();
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
void runtime_core::report_waiting() noexcept {
  std::fprintf(stderr,
               "weir: the runtime's destructor still waits, after %d s, for:\n",
               static_cast<int>(patience.count()));
  roots_.for_each([](const task_core& root) {
    std::fprintf(
        stderr, "  task %s\n", root.name == nullptr ? "(unnamed)" : root.name);
  });
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next)
    if (!g->is_idle())
      g->report(stderr);
}

// --- stop
// -------------------------------------------------------------------------

void runtime_core::stop() noexcept {
  // release: pairs with is_stopped().
  stopped_.store(true, std::memory_order_release);
  ready_.stop();
  pool_->stop();
  {
    std::lock_guard held(lock_);
    changed_.notify_all();
    for (blocking_wait* w = waits_; w != nullptr; w = w->next)
      w->poke();
  }
  if (!is_own_thread())
    finish_stop();
}

void runtime_core::finish_stop() noexcept {
  std::lock_guard held(stop_lock_);
  if (std::exchange(stop_finished_, true))
    return;
  pool_->join();
  for (std::thread& each : threads_)
    each.join();
  threads_.clear();
  const driver::virtual_time clock(driver_.get());
  if (driver_ != nullptr)
    driver_->give_back();
  abandon_all();
}

// No thread of the pool runs any more.
void runtime_core::abandon_all() noexcept {
  abandoning_scope scope;
  ready_item* const queued = ready_.take_all();
  // A task may own the group of others that are queued behind it.
  for (ready_item* item = queued; item != nullptr; item = item->ready_next)
    static_cast<task_core*>(item)->add_ref();
  for (ready_item* item = queued; item != nullptr;) {
    auto* const core = static_cast<task_core*>(item);
    item = item->ready_next;
    core->abandon_queued();
    core->release();
  }
  for (;;) {
    task_core* root = nullptr;
    {
      std::lock_guard held(lock_);
      root = roots_.any();
    }
    if (root == nullptr)
      break;
    root->abandon();
  }
  for (;;) {
    group_core* group = nullptr;
    {
      std::lock_guard held(lock_);
      for (group = groups_; group != nullptr && !group->has_children();
           group = group->runtime_links.next) {
      }
      if (group == nullptr)
        break;
      group->add_ref();
    }
    group->abandon_children();
    group->release();
  }
}

} // namespace weir::detail
