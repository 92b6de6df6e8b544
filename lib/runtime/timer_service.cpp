// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "timer_service.hpp"

#include <weir/detail/task/task_core.hpp>

#include "scheduler.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <new>

namespace weir::detail {

namespace {
// One level of a wheel covers 16 ms of them.
constexpr std::chrono::microseconds tick_length{250};
constexpr std::size_t due_batch = 64;
// Beyond 16 workers, wheels are shared; each takes 28 KiB.
constexpr std::size_t most_shards = 16;
// When time jumps, what is due later than this counts as never.
constexpr std::uint64_t horizon = std::chrono::years(30) / tick_length;
static_assert(horizon < timing_wheel::last_tick);
// How many entries ahead of the one that fires are prefetched.
constexpr std::size_t lookahead = 8;

// What firing an entry touches: the frame around it, and its task.
void prefetch(const timer_entry& entry) noexcept {
  const auto ask_for = [](const void* at, int bytes) {
    for (int line = 0; line < bytes; line += 64)
      __builtin_prefetch(static_cast<const char*>(at) + line, 1);
  };
  ask_for(reinterpret_cast<const char*>(&entry) - 64, 128);
  if (entry.task != nullptr)
    ask_for(entry.task, sizeof(task_core));
}
} // namespace

void timer_entry::fire() noexcept {
  if (task != nullptr) {
    task->end_wait();
  } else {
    auto& self = static_cast<timer_function&>(*this);
    self.function(self);
  }
}

// One wait on the asio timer.
struct timer_service::wait_handler {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  void operator()(const boost::system::error_code& ec) const noexcept {
    if (ec != asio::error::operation_aborted)
      self->fire();
  }

  timer_service* self;
};

timer_service::timer_service(asio::thread_pool& pool,
                             std::size_t threads,
                             handler_memory& memory,
                             clock::time_point epoch)
    : epoch_(epoch), pool_(pool), memory_(memory),
      shards_(std::min(threads, most_shards)), timer_(pool.get_executor()) {
  // Asio's queue of timers has room for this one and the scheduler's from now
  // on.
  pool_timer other(pool.get_executor());
  for (pool_timer* each : {&*timer_, &other}) {
    each->expires_at(epoch_ + std::chrono::hours(1));
    each->async_wait(wait_handler{this});
  }
  timer_->cancel(); // and the other by its destructor
}

timer_service::timer_service(asio::thread_pool& pool,
                             clock::time_point start,
                             handler_memory& memory)
    : epoch_(start), pool_(pool), memory_(memory), shards_(1), driven_for_(0) {}

std::uint64_t timer_service::tick_after(clock::time_point t) const noexcept {
  if (t <= epoch_)
    return 0;
  // In whole ticks, rounded up: never early. No overflow at max().
  const auto since = t - epoch_;
  const auto ticks = since / tick_length;
  const bool exact = since % tick_length == clock::duration::zero();
  return static_cast<std::uint64_t>(ticks) + (exact ? 0 : 1);
}

std::uint64_t timer_service::tick_at(clock::time_point t) const noexcept {
  return static_cast<std::uint64_t>((t - epoch_) / tick_length);
}

void timer_service::arm(timer_entry& entry,
                        clock::time_point deadline) noexcept {
  const std::uint64_t tick = tick_after(deadline);
  std::size_t own = scheduler::this_worker_index();
  if (own >= shards_.size()) [[unlikely]]
    own %= shards_.size();
  entry.shard = static_cast<std::uint8_t>(own);
  std::uint64_t due = 0;
  {
    wheel_shard& on = shards_[own];
    std::lock_guard held(on.lock);
    due = on.wheel.arm(entry, tick);
  }
  // The wheel may want to move the entry down before it is due. It does so if
  // it is advanced by then for another entry.
  // relaxed: a hint. driven_for_ only gets later under driver_lock_ by fire(),
  // which looks at all wheels after that and so sees this entry.
  if (due < driven_for_.load(std::memory_order_relaxed))
    drive();
}

bool timer_service::disarm(timer_entry& entry) noexcept {
  wheel_shard& on = shards_[entry.shard];
  std::lock_guard held(on.lock);
  return on.wheel.disarm(entry);
}

std::size_t timer_service::pending() const noexcept {
  std::size_t sum = 0;
  for (wheel_shard& each : shards_) {
    std::lock_guard held(each.lock);
    sum += each.wheel.size();
  }
  return sum;
}

// Any thread, no shard's lock held.
std::uint64_t timer_service::next_tick() const noexcept {
  std::uint64_t first = timing_wheel::never;
  for (wheel_shard& each : shards_) {
    std::lock_guard held(each.lock);
    first = std::min(first, each.wheel.next_event());
  }
  return first;
}

clock::time_point timer_service::next_event() const noexcept {
  const std::uint64_t tick = next_tick();
  if (tick >= horizon)
    return clock::time_point::max();
  return epoch_ + static_cast<std::int64_t>(tick) * tick_length;
}

timer_entry* timer_service::take_due(clock::time_point now,
                                     std::size_t most) noexcept {
  wheel_shard& only = shards_.front();
  std::lock_guard held(only.lock);
  return only.wheel.advance(tick_at(now), most);
}

// Any thread; no lock held except possibly a group's.
void timer_service::drive() noexcept {
  std::lock_guard held(driver_lock_);
  if (!timer_)
    return; // The runtime is being destroyed.
  const std::uint64_t due = next_tick();
  // relaxed: under driver_lock_.
  if (due >= driven_for_.load(std::memory_order_relaxed))
    return;
  driven_for_.store(due, std::memory_order_relaxed);
  timer_->expires_at(epoch_ + due * tick_length); // Aborts the last wait.
  try {
    timer_->async_wait(wait_handler{this});
  } catch (const std::bad_alloc&) {
    // The user's timers have used up the room in Asio's queue. Tries again
    // later: fire() finds nothing due and calls this function.
    post_fire();
  }
}

// One turn of fire() in the pool's queue.
struct timer_service::fire_handler {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  void operator()() const noexcept { self->fire(); }

  timer_service* self;
};

void timer_service::post_fire() noexcept {
  asio::post(pool_, fire_handler{this});
}

// A pool thread, no lock held. Its own shard first. Null: nothing is due.
timer_entry* timer_service::take_batch() noexcept {
  const std::uint64_t now = tick_at(clock::now());
  const std::size_t own = scheduler::this_worker_index();
  for (std::size_t i = 0; i != shards_.size(); ++i) {
    wheel_shard& from = shards_[(own + i) % shards_.size()];
    std::lock_guard held(from.lock);
    if (timer_entry* const first = from.wheel.advance(now, due_batch))
      return first;
  }
  return nullptr;
}

// A pool thread, no lock held. False: nothing is due.
bool timer_service::fire_batch() noexcept {
  timer_entry* first = take_batch();
  if (first == nullptr)
    return false;
  std::array<timer_entry*, due_batch> due;
  std::size_t count = 0;
  for (; first != nullptr; first = first->next)
    due[count++] = first;
  for (std::size_t i = 0; i != std::min(lookahead, count); ++i)
    prefetch(*due[i]);
  for (std::size_t i = 0; i != count; ++i) {
    if (i + lookahead < count)
      prefetch(*due[i + lookahead]);
    due[i]->fire();
  }
  return true;
}

// A pool thread.
void timer_service::fire() noexcept {
  if (fire_batch()) {
    // relaxed: a hint.
    overdue_.store(true, std::memory_order_relaxed);
    post_fire(); // Behind the tasks that became ready.
    return;
  }
  overdue_.store(false, std::memory_order_relaxed); // as above
  {
    std::lock_guard held(driver_lock_);
    // relaxed: as in drive().
    driven_for_.store(timing_wheel::never, std::memory_order_relaxed);
  }
  drive();
}

} // namespace weir::detail
