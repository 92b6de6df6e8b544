// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "runtime_core.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>

namespace weir::detail {

namespace {

std::size_t checked_threads(std::size_t threads) {
  if (threads == 0)
    throw std::invalid_argument(
        "weir::runtime: threads is 0, must be at least 1");
  return threads;
}

// How many handlers the engine has at a time: one for each worker; one for the
// armed timer, one that was aborted but not called, one that fires; one for a
// worker that watches; the marker; at the end, one more for each worker. All of
// that twice.
constexpr std::size_t handlers(std::size_t threads) noexcept {
  return 2 * (2 * threads + 5);
}

// `node` is in the list, which is linked by `next`.
template <typename Node>
void take_out(Node*& first, const Node& node) noexcept {
  Node** link = &first;
  while (*link != &node)
    link = &(*link)->next;
  *link = node.next;
}

} // namespace

runtime_core::runtime_core(const runtime_options& options)
    : options_(options), groups_(options.threads),
      memory_(handlers(checked_threads(options.threads))), pool_(0),
      ready_(*pool_, options.threads, timers_, memory_),
      timers_(*pool_, options.threads, memory_) {
  start_threads();
}

// No threads: the driver is the only worker.
runtime_core::runtime_core(clock::time_point start, const driver_maker& make)
    : options_{.threads = 1}, groups_(1), memory_(handlers(1)), pool_(0),
      ready_(*pool_, 1, timers_, memory_), timers_(*pool_, start, memory_),
      driver_(make(*this)) {}

// weir starts the threads, not Asio. If Asio's constructor cannot start all
// threads, it waits for ever for those that it started. And if it started only
// one, that thread keeps what its handlers post, even when other threads have
// attached themselves. Each thread is bound to its worker at once; a foreign
// thread that attaches itself is never bound.
void runtime_core::start_threads() {
  try {
    threads_.reserve(options_.threads);
    while (threads_.size() != options_.threads)
      threads_.emplace_back([this, index = threads_.size()] {
        ready_.bind(index);
        pool_->attach();
      });
  } catch (...) {
    pool_->stop();
    for (std::thread& each : threads_)
      each.join();
    timers_.close();
    ready_.close();
    pool_.reset(); // While the owners of its handlers are alive.
    throw;
  }
}

// --- roots and groups ---

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
  if (roots_.empty())
    poke_watches();
  if (is_idle())
    changed_.notify_all(); // Under the lock: then *this may be destroyed.
}

bool runtime_core::add_group(tracked_group& group, bool is_in_frame) noexcept {
  task_core* const maker = current_task();
  if (maker != nullptr && !is_in_frame)
    maker->add_ref();
  group.set_maker(maker, is_in_frame);
  groups_.add(group, scheduler::this_worker_index());
  // relaxed: begin_end() sets it before it visits the groups. If the visit came
  // before this group was added, the lock of the group's list orders the two.
  return stopped_.load(std::memory_order_relaxed);
}

void runtime_core::remove_group(tracked_group& group) noexcept {
  groups_.remove(group);
  if (group.maker() != nullptr && !group.is_in_frame())
    group.maker()->release();
}

void runtime_core::group_is_idle() noexcept {
  // Called when the last child was counted out, while shut_down() sets the flag
  // and then looks at the counts: one of the two must see what the other wrote.
  // Both change the same slot counter, or hold the group's lock, so one comes
  // second. If it is shut_down(), it finds no child. If it is the child, it
  // acquired what counted_lock released after that look, and with it the flag:
  // so this load may be relaxed, and needs no fence. It is an acquire one for
  // what else the destroying thread did before.
  // begin_cancelling() does as shut_down() does.
  if (!closing_.load(std::memory_order_acquire) && !is_cancelling())
    return;
  std::lock_guard held(lock_);
  if (!is_idle())
    return;
  poke_watches();
  changed_.notify_all();
}

bool runtime_core::is_idle() noexcept {
  if (!roots_.empty())
    return false;
  return groups_.all_of([](const tracked_group& g) { return g.is_idle(); });
}

void runtime_core::add_wait(blocking_wait& wait) noexcept {
  std::lock_guard held(lock_);
  wait.next = waits_;
  waits_ = &wait;
}

void runtime_core::remove_wait(blocking_wait& wait) noexcept {
  std::lock_guard held(lock_);
  take_out(waits_, wait);
  if (waits_ == nullptr)
    changed_.notify_all(); // Under the lock, as in remove_root().
}

// --- watches ---

void runtime_core::add_watch(rest_watch& watch) noexcept {
  std::lock_guard held(lock_);
  watch.next = watches_;
  watches_ = &watch;
}

void runtime_core::remove_watch(rest_watch& watch) noexcept {
  std::lock_guard held(lock_);
  take_out(watches_, watch);
}

void runtime_core::poke_watches() noexcept {
  for (rest_watch* w = watches_; w != nullptr; w = w->next)
    w->poke();
}

void runtime_core::begin_cancelling() noexcept {
  {
    std::lock_guard held(lock_);
    // release: pairs with is_cancelling(). A root task that is listed later was
    // listed under the lock, so its start sees this; see start_root().
    cancelling_.fetch_add(1, std::memory_order_release);
  }
  cancel_all();
}

void runtime_core::end_cancelling() noexcept {
  std::lock_guard held(lock_);
  // relaxed: no thread needs to see what came before.
  cancelling_.fetch_sub(1, std::memory_order_relaxed);
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

runtime_stats runtime_core::stats() noexcept {
  std::lock_guard held(lock_);
  return {options_.threads,
          ready_.busy(),
          root_count_,
          groups_.size(),
          timers_.pending()};
}

} // namespace weir::detail
