// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "explorer/engine.hpp"

#include "base/thread_context.hpp"
#include "explorer/explore_sync.hpp"
#include "runtime/runtime_core.hpp"
#include "testing/deterministic_driver.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>

// Replaces lib/runtime/scheduler.cpp and lib/base/frame_cache.cpp in the
// library under the explorer. The protocols of the former have models of their
// own.

namespace weir::detail {

// --- threads ---

namespace {
std::array<thread_context, test::explorer::most_threads + 1> contexts;
} // namespace

thread_context& this_thread() noexcept {
  return contexts[test::explorer::thread()];
}

// --- scheduler ---

namespace {

// Ready tasks, first in, first out. An access is one step of the model; the
// lock of the list orders what was done before a push, as the scheduler's locks
// do.
class ready_list {
public:
  void push(ready_item& item) noexcept {
    step();
    std::lock_guard held(lock_);
    item.ready_next = nullptr;
    (last_ != nullptr ? last_->ready_next : first_) = &item;
    last_ = &item;
    if (auto* const e = test::explorer::active(); e != nullptr)
      e->wrote();
  }
  ready_item* pop() noexcept {
    step();
    std::lock_guard held(lock_);
    ready_item* const item = first_;
    if (item != nullptr) {
      first_ = item->ready_next;
      if (first_ == nullptr)
        last_ = nullptr;
    }
    return item;
  }

private:
  static void step() noexcept {
    if (auto* const e = test::explorer::active(); e != nullptr) {
      e->flush();
      e->step();
    }
  }

  basic_spin_lock<std_sync> lock_;
  ready_item* first_ = nullptr;
  ready_item* last_ = nullptr;
};

ready_list ready;

} // namespace

scheduler::scheduler(asio::thread_pool& pool,
                     std::size_t threads,
                     refill_source& more,
                     handler_memory& memory)
    : pool_(pool), more_(more), memory_(memory),
      idle_(static_cast<std::uint32_t>(threads)) {
  (void)pool_;
  (void)more_;
  (void)memory_;
}

void scheduler::push(ready_item& item) noexcept { ready.push(item); }

void scheduler::push_in_turn(ready_item& item) noexcept { push(item); }

void scheduler::push_next(ready_item& item) noexcept { push(item); }

void scheduler::push_again(ready_item& item) noexcept { push(item); }

void scheduler::push_below(ready_item& item) noexcept { push(item); }

void scheduler::bind(std::size_t) noexcept {}
bool scheduler::on_worker_thread() noexcept { return true; }
std::size_t scheduler::this_worker_index() noexcept {
  return test::explorer::thread() % test::explorer::most_threads;
}
crowd ready_crowd(bool) noexcept { return crowd::none; }
ready_item* scheduler::take_left() noexcept { return ready.pop(); }
void scheduler::await_outside() const noexcept {}
ready_item* scheduler::next(worker&) noexcept { return ready.pop(); }
void scheduler::enter_driver() noexcept {}
void scheduler::leave_driver() noexcept {}
void scheduler::driver_yields(bool) noexcept {}

// --- frame cache ---

namespace {
constinit thread_lists never_filled{};
} // namespace

constinit thread_local thread_lists* lists_of_thread
    [[gnu::tls_model("initial-exec")]] = &never_filled;

thread_block& own_block() noexcept {
  static constinit thread_local thread_block block{};
  return block;
}

namespace {
std::atomic<long> blocks{0};
} // namespace

void* cache_allocate_slowly(std::size_t size) {
  void* const p = std::malloc(size);
  if (p == nullptr)
    throw std::bad_alloc();
  blocks.fetch_add(1, std::memory_order_relaxed); // only a number
  return p;
}
void cache_deallocate_slowly(void* block, std::size_t) noexcept {
  // Publishes late stores to the block before others get it.
  if (auto* const e = test::explorer::active(); e != nullptr)
    e->publish();
  blocks.fetch_sub(1, std::memory_order_relaxed); // only a number
  std::free(block);
}
void reserve_blocks(std::size_t, std::size_t) {}

} // namespace weir::detail

namespace weir::test {

detail::runtime_core& engine() {
  // Never destroyed: when the program ends no thread would run what it waits
  // for.
  static detail::runtime_core& runtime = *[] {
    auto* const made = detail::deterministic_driver::make_runtime({});
    for (detail::thread_context& each : detail::contexts)
      each.clock = &detail::deterministic_driver::of(*made).time();
    return made;
  }();
  return runtime;
}

long blocks_in_use() {
  return detail::blocks.load(std::memory_order_relaxed); // no thread runs
}

bool run_one() {
  detail::ready_item* const item = detail::ready.pop();
  if (item == nullptr)
    return false;
  static_cast<detail::task_core*>(item)->run();
  return true;
}

void work_until(const mark& done) {
  for (;;)
    if (!run_one()) {
      if (done.is_set())
        return;
      // No other thread has run since no task was found to be ready.
      explorer::active()->pause();
    }
}

void run_ready() {
  while (run_one()) {
  }
}

void fire_timers() {
  using namespace std::chrono_literals;
  static clock::duration ticks{0};
  const auto now = detail::deterministic_driver::start + (ticks += 1ms);
  detail::timer_entry* due = nullptr;
  while ((due = engine().timers().take_due(now, 64)) != nullptr)
    while (due != nullptr) {
      detail::timer_entry* const entry = std::exchange(due, due->next);
      entry->fire();
    }
}

bool run_handler() {
  if (explorer* const e = explorer::active(); e != nullptr)
    e->step();
  return detail::handler_turns(engine().pool()).call_one();
}

} // namespace weir::test

#if !defined(WEIR_TSAN_FIBERS)
// As above.
void operator delete(void* p) noexcept {
  if (auto* const e = weir::test::explorer::active(); e != nullptr)
    e->publish();
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }
#endif
