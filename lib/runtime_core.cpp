// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "runtime_core.hpp"

#include <weir/detail/abandoning.hpp>

#include "group_core.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdio>
#include <future>
#include <stdexcept>
#include <string>

namespace weir::detail {

namespace {

constexpr std::chrono::seconds patience{10};

std::size_t checked_threads(std::size_t threads) {
  if (threads == 0)
    throw std::invalid_argument(
        "weir::runtime: threads is 0, must be at least 1");
  return threads;
}

} // namespace

asio::thread_pool& pool_of(runtime_core& runtime) noexcept {
  return runtime.pool();
}

runtime_core::runtime_core(const runtime_options& options)
    : options_(options), pool_(std::in_place, checked_threads(options.threads)),
      ready_(*pool_, options.threads, timers_),
      timers_(*pool_, options.threads) {}

// No thread at all: the driver is the one worker.
runtime_core::runtime_core(const testing::deterministic_options& options)
    : pool_(std::in_place, 0), ready_(*pool_, 1, timers_),
      timers_(*pool_, driver::start), driver_(new driver(*this, options)) {}

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

// --- roots and groups
// -----------------------------------------------------------

bool runtime_core::add_root(task_core& core) noexcept {
  std::lock_guard held(lock_);
  // relaxed: both are set under lock_, or by a thread that takes it next.
  if (stopped_.load(std::memory_order_relaxed) ||
      closing_.load(std::memory_order_relaxed))
    return false;
  roots_.add(core);
  ++root_count_;
  return true;
}

void runtime_core::remove_root(task_core& core) noexcept {
  std::lock_guard held(lock_);
  roots_.remove(core);
  --root_count_;
  if (is_idle())
    changed_.notify_all(); // Under the lock: *this may go once it is free.
}

void runtime_core::add_group(group_core& group) noexcept {
  std::lock_guard held(lock_);
  if (driver_ != nullptr) {
    group.maker = current_task();
    if (group.maker != nullptr)
      group.maker->add_ref();
  }
  group.runtime_links = {nullptr, groups_};
  if (groups_ != nullptr)
    groups_->runtime_links.prev = &group;
  groups_ = &group;
  ++group_count_;
}

void runtime_core::remove_group(group_core& group) noexcept {
  const std::unique_ptr<task_core, void (*)(task_core*)> maker(
      std::exchange(group.maker, nullptr),
      [](task_core* task) { task->release(); }); // After the lock.
  std::lock_guard held(lock_);
  auto& [prev, next] = group.runtime_links;
  if (next != nullptr)
    next->runtime_links.prev = prev;
  if (prev != nullptr)
    prev->runtime_links.next = next;
  else
    groups_ = next;
  --group_count_;
}

void runtime_core::group_is_idle() noexcept {
  // acquire: pairs with shut_down(), which looks after it has set the flag.
  if (!closing_.load(std::memory_order_acquire))
    return;
  std::lock_guard held(lock_);
  if (is_idle())
    changed_.notify_all();
}

bool runtime_core::is_idle() noexcept {
  if (!roots_.empty())
    return false;
  for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next)
    if (!g->is_idle())
      return false;
  return true;
}

void runtime_core::add_wait(blocking_wait& wait) noexcept {
  std::lock_guard held(lock_);
  wait.next = waits_;
  waits_ = &wait;
}

void runtime_core::remove_wait(blocking_wait& wait) noexcept {
  std::lock_guard held(lock_);
  blocking_wait** link = &waits_;
  while (*link != &wait)
    link = &(*link)->next;
  *link = wait.next;
}

void runtime_core::unhandled(const std::exception_ptr& error,
                             const char* name) noexcept {
  if (driver_ != nullptr) {
    driver_->failed(error);
    return;
  }
  if (options_.on_unhandled != nullptr) {
    options_.on_unhandled(error);
    return;
  }
  const char* const task = name == nullptr ? "(unnamed)" : name;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    std::fprintf(stderr,
                 "weir: an exception escaped the detached task %s: %s\n",
                 task,
                 e.what());
  } catch (...) {
    std::fprintf(stderr,
                 "weir: an exception that is no std::exception escaped the "
                 "detached task %s\n",
                 task);
  }
  std::terminate();
}

// --- orderly end
// ----------------------------------------------------------------

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
  std::promise<void> reached;
  asio::post(*pool_, [&] { asio::post(*pool_, [&] { reached.set_value(); }); });
  reached.get_future().wait();
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
  // Groups of tasks are cancelled by their tasks; this is for the others.
  group_core* groups = nullptr;
  {
    std::lock_guard held(lock_);
    for (group_core* g = groups_; g != nullptr; g = g->runtime_links.next) {
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

runtime_stats runtime_core::stats() noexcept {
  std::lock_guard held(lock_);
  return {options_.threads,
          ready_.busy(),
          root_count_,
          group_count_,
          timers_.pending()};
}

} // namespace weir::detail
