// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "scheduler.hpp"

#include "base/thread_context.hpp"

#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>
#include <utility>

namespace weir::detail {

namespace {

// A batch ends after this many tasks, or this much time; the clock is read
// after 1, 2, 4, ... tasks, and then once every `clock_turns`.
constexpr unsigned batch_tasks = 256;
constexpr unsigned clock_turns = 32;
static_assert(batch_tasks % clock_turns == 0);
constexpr std::chrono::microseconds batch_time{200};
// Once in this many tasks the queues are looked at first, so that a worker
// whose deque is never empty does not starve them.
constexpr std::uint32_t turns_of_deque = 31;
// After this time the oldest task of a deque that was never empty has a turn.
// The longer, the less of a tree is begun; the shorter, the sooner a task runs
// that waits behind one. Source: the time slice of Go's scheduler.
constexpr std::chrono::milliseconds slice{2};
// A worker without work looks around this many times, with this many pauses
// after each (together about a microsecond), before it leaves.
constexpr unsigned search_rounds = 8;
constexpr unsigned pauses_per_round = 32;
// A look at a busy worker's queue takes memory out of that worker's cache: the
// next one comes after this many rounds (about five microseconds).
constexpr unsigned busy_rest = 8;
// After this many rounds in which the others had work, but none that was worth
// moving, a worker naps. Five looks at each queue.
constexpr unsigned longest_search = 40;
// The first nap, and each further one twice as long as that before it, until
// a worker finds work. The end of a nap costs a few microseconds.
constexpr std::chrono::microseconds shortest_nap{50};
constexpr std::uint32_t most_doublings = 3;
// A worker that watches those with a long task looks again after this time.
// What they push wakes a worker at once.
constexpr std::chrono::milliseconds long_watch{10};
// See scheduler::steal().
constexpr std::uint32_t steal_patience = 8;
// See ready_crowd(). The control blocks and frames of this many
// tasks stay in the first-level cache.
constexpr std::uint32_t crowd_size = 16;

bool is_draining(const worker& self) noexcept {
  // relaxed: written by this thread.
  return self.draining.load(std::memory_order_relaxed);
}

} // namespace

// One pass of a worker through the pool's queue.
struct scheduler::drain_handler {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  void operator()() const noexcept { self->drain(searching); }

  scheduler* self;
  bool searching;
};

// A watch is over.
struct scheduler::watch_end {
  using allocator_type = handler_allocator<void>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(self->memory_);
  }
  // By the timer, or posted.
  void operator()(const boost::system::error_code& = {}) const noexcept {
    self->end_watch();
  }

  scheduler* self;
};

scheduler::scheduler(asio::thread_pool& pool,
                     std::size_t threads,
                     refill_source& more,
                     handler_memory& memory)
    : pool_(pool), more_(more), memory_(memory), workers_(threads),
      idle_(static_cast<std::uint32_t>(threads)) {
  for (std::size_t i = 0; i != threads; ++i) {
    workers_[i].owner = this;
    workers_[i].index = i;
    workers_[i].turns = turns_of_deque;
    workers_[i].crowd = crowd_size;
    workers_[i].looked.resize(threads);
  }
  if (threads != 1)
    watch_timer_.emplace(pool.get_executor());
}

void scheduler::bind(std::size_t index) noexcept {
  own_thread().self = &workers_[index];
}

bool scheduler::on_worker_thread() noexcept {
  const worker* const self = this_thread().self;
  return self != nullptr && self->owner == this;
}

// --- any thread ---

void scheduler::push(ready_item& item) noexcept {
  worker* const self = this_thread().self;
  if (self == nullptr || self->owner != this ||
      this_thread().current == nullptr) {
    push_in_turn(item);
    return;
  }
  ++self->made_ready;
  if (!self->deque.push(item)) [[unlikely]]
    push_over(self->deque, item);
  notify_from(*self);
}

void scheduler::push_in_turn(ready_item& item) noexcept {
  worker* const self = this_thread().self;
  if (self == nullptr || self->owner != this) {
    push_from_outside(item);
    return;
  }
  if (!self->queue.push(item)) [[unlikely]]
    push_over(self->queue, item);
  notify_from(*self);
}

void scheduler::notify_from(const worker& self) noexcept {
  // A worker inside drain() runs the task itself, or another one looks in time.
  if (is_draining(self) && (is_alone() || idle_.is_napping()))
    return;
  notify();
}

void scheduler::push_next(ready_item& item) noexcept {
  worker* const self = this_thread().self;
  // Outside of drain() the worker would not look at it.
  if (self == nullptr || self->owner != this || !is_draining(*self) ||
      self->next != nullptr) [[unlikely]]
    push(item);
  else
    self->next = &item;
}

void scheduler::push_again(ready_item& item) noexcept {
  worker* const self = this_thread().self;
  // Outside of drain() the worker would not look at its queue again.
  if (self == nullptr || self->owner != this || !is_draining(*self) ||
      !self->queue.push(item)) [[unlikely]]
    push(item);
}

void scheduler::push_below(ready_item& item) noexcept {
  worker* const self = this_thread().self;
  if (self == nullptr || self->owner != this || !is_draining(*self) ||
      !self->deque.push_below(item, self->made_ready))
    push_again(item);
  // A worker that searched meanwhile may not have seen the tasks above.
  if (!is_alone() && !idle_.is_napping())
    notify();
}

// As soon as the item is in the queue, its task may run and end, and so may the
// runtime: its destructor waits for the threads that are still in this
// function.
void scheduler::push_from_outside(ready_item& item) noexcept {
  // relaxed: the worker that runs the item sees this, as it sees the item.
  outside_.fetch_add(1, std::memory_order_relaxed);
  item.ready_next = nullptr;
  shared_.push(item);
  notify();
  // release: *this may be destroyed.
  outside_.fetch_sub(1, std::memory_order_release);
}

void scheduler::await_outside() const noexcept {
  // acquire: pairs with the release above.
  for (unsigned round = 0; outside_.load(std::memory_order_acquire) != 0;
       ++round)
    sync::pause(round);
}

// For a worker whose queue is full: moves the older half to the shared queue.
void scheduler::push_over(run_queue& full, ready_item& item) noexcept {
  do {
    if (ready_item* chain = full.split())
      shared_.push(*chain);
  } while (!full.push(item));
}

// For a worker whose deque is full: the older half becomes surplus. Not in the
// shared queue, whose turn comes before that of the deque: so each part of a
// tree would be begun before the others are done, and would fill the deque
// again.
void scheduler::push_over(work_deque& full, ready_item& item) noexcept {
  do {
    if (ready_item* chain = full.split())
      put_surplus(surplus_stack::newest, *chain);
  } while (!full.push(item));
}

void scheduler::put_surplus(surplus_stack::end at, ready_item& chain) noexcept {
  if (chain.ready_next == nullptr) // Too short for the stack.
    shared_.push(chain);
  else
    surplus_.push(at, chain);
}

// For a worker whose deque is empty: takes all of `chain`, or null, and returns
// the newest.
ready_item* scheduler::take_surplus(worker& self, ready_item* chain) noexcept {
  if (chain == nullptr)
    return nullptr;
  while (ready_item* const newer = chain->ready_next) {
    (void)self.deque.push(*chain); // There is room: a chain is half a deque.
    chain = newer;
  }
  return chain;
}

// The task that has waited longest of those that are newest first. Null: there
// is none.
ready_item* scheduler::take_oldest(worker& self) noexcept {
  ready_item* const oldest = surplus_.pop(surplus_stack::oldest);
  if (oldest == nullptr)
    return self.deque.steal();
  put_surplus(surplus_stack::oldest, *oldest->ready_next);
  return oldest;
}

std::size_t scheduler::this_worker_index() noexcept {
  return this_thread().self != nullptr ? this_thread().self->index : 0;
}

crowd ready_crowd(bool of_many) noexcept {
  const worker* const self = this_thread().self;
  if (self == nullptr)
    return crowd::none;
  if (of_many && self->queue.size() >= self->crowd)
    return crowd::of_old;
  return self->made_ready >= self->crowd ? crowd::of_new : crowd::none;
}

void scheduler::notify() noexcept {
  // Orders the push before the look at the gate, see idle_workers::leave().
  sync::fence_seq_cst();
  if (idle_.try_enter())
    post_drain();
}

void scheduler::post_drain() noexcept {
  asio::post(pool_, drain_handler{this, true});
}

// --- workers ---

// The oldest chain of the shared queue: its first, the rest into the ring.
ready_item* scheduler::take_shared(worker& self) noexcept {
  ready_item* const first = shared_.pop();
  if (first == nullptr)
    return nullptr;
  ready_item* rest = first->ready_next;
  if (rest == nullptr)
    return first;
  while (rest != nullptr) {
    ready_item* item = rest;
    rest = rest->ready_next;
    if (!self.queue.push(*item)) {
      item->ready_next = rest;
      shared_.push(*item);
      break;
    }
  }
  // A worker that searched after pop() had cleared the flag has found nothing.
  if (!is_alone())
    notify();
  return first;
}

ready_item* scheduler::next(worker& self) noexcept {
  if (self.next != nullptr)
    return std::exchange(self.next, nullptr);
  if (--self.turns == 0) [[unlikely]]
    if (ready_item* const item = next_in_turn(self))
      return item;
  if (ready_item* const item = self.deque.pop(is_alone()))
    return item;
  if (ready_item* const item = self.queue.pop())
    return item;
  return next_shared(self);
}

// For a worker that has nothing of its own.
ready_item* scheduler::next_shared(worker& self) noexcept {
  if (ready_item* const item = take_shared(self))
    return item;
  return take_surplus(self, surplus_.pop(surplus_stack::newest));
}

// What waits behind the deque: the two queues alternate. Null: nothing does.
ready_item* scheduler::next_in_turn(worker& self) noexcept {
  self.turns = turns_of_deque;
  self.is_shared_next = !self.is_shared_next;
  ready_item* item = self.is_shared_next ? take_shared(self) : self.queue.pop();
  if (item == nullptr)
    item = self.is_shared_next ? self.queue.pop() : take_shared(self);
  return item;
}

// Looks at the other workers' tasks, once. Takes none that are short: their
// worker runs them before they have moved to another processor's cache. A queue
// is worth stealing from when its worker has taken nothing since the last look,
// or would need more than `patience` such spans for the rest; a deque, when its
// oldest task was there at the last look already.
ready_item* scheduler::steal(worker& self, std::uint32_t patience) noexcept {
  const std::size_t n = workers_.size();
  for (std::size_t i = 1; i != n; ++i) {
    worker& victim = workers_[(self.index + i) % n];
    worker::look& last = self.looked[victim.index];
    const std::uint32_t taken = victim.queue.taken();
    const std::uint32_t pace = taken - std::exchange(last.taken, taken);
    self.saw_work = self.saw_work || pace != 0;
    if (const std::uint32_t size = victim.queue.size(); size != 0) {
      self.saw_work = true;
      if (size / patience >= pace)
        if (ready_item* item = victim.queue.steal_into(self.queue))
          return item;
    }
    const std::uint32_t oldest = victim.deque.oldest();
    const bool is_same = std::exchange(last.oldest, oldest) == oldest;
    self.saw_work = self.saw_work || !is_same;
    if (!victim.deque.looks_empty()) {
      self.saw_work = true;
      if (is_same)
        if (ready_item* item = victim.deque.steal())
          return item;
    }
  }
  return nullptr;
}

// Searches for a while. Null: there was nothing to take.
ready_item* scheduler::search(worker& self) noexcept {
  self.saw_work = false;
  unsigned quiet = 0;
  unsigned rest = 0; // rounds
  for (unsigned round = 0; round != longest_search; ++round) {
    if (ready_item* item = take_shared(self))
      return item;
    if (ready_item* item =
            take_surplus(self, surplus_.pop(surplus_stack::oldest)))
      return item;
    if (rest != 0) {
      --rest;
    } else {
      if (ready_item* item = steal(self, steal_patience))
        return item;
      // While there is work for others, the searcher stays for a while: part of
      // it may turn out to be worth moving.
      if (has_work()) {
        quiet = 0;
        rest = busy_rest;
      } else if (++quiet == search_rounds) {
        return nullptr;
      }
    }
    for (unsigned i = 0; i != pauses_per_round; ++i)
      sync::pause(0);
  }
  return nullptr;
}

// For a worker that counts as searching, and does not any more. True: the last
// look, see idle_workers::leave(), has found work that came too late.
bool scheduler::leave(bool may_nap) noexcept {
  const idle_workers::leaving left = idle_.leave(may_nap);
  if (left.watches)
    begin_watch(left.is_nap);
  sync::fence_seq_cst();
  return left.is_nap ? has_stranded_work() : has_work();
}

void scheduler::begin_watch(bool is_nap) noexcept {
  std::chrono::steady_clock::duration wait = long_watch;
  if (is_nap) {
    // relaxed: a hint.
    const std::uint32_t naps = naps_in_a_row_.load(std::memory_order_relaxed);
    naps_in_a_row_.store(std::min(naps + 1, most_doublings),
                         std::memory_order_relaxed);
    wait = shortest_nap * (1u << naps);
  }
  try {
    watch_timer_->expires_after(wait);
    watch_timer_->async_wait(watch_end{this});
  } catch (const std::bad_alloc&) {
    // The user's timers have used up the room in Asio's queue.
    asio::post(pool_, watch_end{this});
  }
}

void scheduler::end_watch() noexcept {
  if (idle_.end_watch())
    drain(true);
}

bool scheduler::has_work() const noexcept {
  if (!shared_.looks_empty() || !surplus_.looks_empty())
    return true;
  return std::any_of(workers_.begin(), workers_.end(), [](const worker& w) {
    return !w.deque.looks_empty() || !w.queue.looks_empty();
  });
}

// The same, without what active workers have and will run.
bool scheduler::has_stranded_work() const noexcept {
  if (!shared_.looks_empty() || !surplus_.looks_empty())
    return true;
  return std::any_of(workers_.begin(), workers_.end(), [](const worker& w) {
    // relaxed: one that is about to drain is counted as idle, and then looked
    // at in vain.
    return !w.draining.load(std::memory_order_relaxed) &&
           (!w.deque.looks_empty() || !w.queue.looks_empty());
  });
}

struct scheduler::draining_mark {
  explicit draining_mark(worker& w) noexcept : self(w) { set(true); }
  draining_mark(const draining_mark&) = delete;
  draining_mark& operator=(const draining_mark&) = delete;
  ~draining_mark() { set(false); }
  // relaxed: others take it for a hint.
  void set(bool draining) const noexcept {
    self.draining.store(draining, std::memory_order_relaxed);
  }

  worker& self;
};

void scheduler::drain(bool searching) noexcept {
  if (!on_worker_thread()) {
    // A foreign thread that has attached itself: one of the pool's own takes
    // it.
    asio::post(pool_, drain_handler{this, searching});
    return;
  }
  worker& self = *this_thread().self;
  if (is_draining(self)) { // A driver runs what is queued, or a task.
    if (!searching)
      idle_.search();
    (void)leave(false); // The driver has yet to look.
    return;
  }
  const draining_mark mark(self);
  const auto start = std::chrono::steady_clock::now();
  ready_item* item = nullptr;
  // A task in the deque may have been there for long.
  if (start - self.slice > slice) {
    self.slice = start;
    item = take_oldest(self);
  }
  unsigned next_look = 1;
  for (unsigned done = 0;;) {
    if (item == nullptr)
      item = next(self);
    if (item == nullptr) {
      item = find(self, searching);
      if (item == nullptr)
        return;
    }
    if (searching) [[unlikely]] {
      searching = false;
      naps_in_a_row_.store(0, std::memory_order_relaxed); // a hint
      if (idle_.found_work()) {
        // As after leave(): a push that saw this worker searching woke no
        // worker.
        sync::fence_seq_cst();
        if (has_work())
          notify();
        if (idle_.watch())
          begin_watch(false);
      }
    }
    self.made_ready = 0;
    static_cast<task_core*>(std::exchange(item, nullptr))->run();
    // Short tasks are counted, because reading the clock costs as much as one;
    // long ones are noticed because the clock is read early.
    if (++done == next_look) {
      if (done == batch_tasks ||
          std::chrono::steady_clock::now() - start > batch_time) {
        // Another thread may take the handler.
        if (ready_item* const last = std::exchange(self.next, nullptr))
          if (!self.deque.push(*last))
            push_over(self.deque, *last);
        asio::defer(pool_, drain_handler{this, false});
        return;
      }
      next_look += std::min(next_look, clock_turns);
    }
  }
}

// A worker without work of its own. Null: this pass is over.
ready_item* scheduler::find(worker& self, bool& searching) noexcept {
  for (;;) {
    if (more_.refill())
      if (ready_item* item = next(self))
        return item;
    if (!searching) {
      idle_.search();
      searching = true;
    }
    if (ready_item* item = search(self))
      return item;
    if (!leave(self.saw_work) || !idle_.try_enter())
      return nullptr;
    // Still searching, by try_enter().
  }
}

// --- driver ---

void scheduler::enter_driver() noexcept {
  own_thread().self = &workers_.front();
  this_thread().self->draining.store(true, std::memory_order_relaxed); // own
}

void scheduler::leave_driver() noexcept {
  this_thread().self->draining.store(false, std::memory_order_relaxed);
  this_thread().self = nullptr;
}

void scheduler::driver_yields(bool yields) noexcept {
  workers_.front().crowd =
      yields ? 0 : std::numeric_limits<std::uint32_t>::max();
}

// --- the end ---

ready_item* scheduler::take_left() noexcept {
  for (worker& w : workers_) {
    if (w.next != nullptr)
      return std::exchange(w.next, nullptr);
    if (ready_item* const item = w.deque.pop(true))
      return item;
    if (ready_item* const item = w.queue.pop())
      return item;
  }
  ready_item* first = shared_.pop();
  if (first == nullptr)
    first = surplus_.pop(surplus_stack::newest);
  if (first != nullptr && first->ready_next != nullptr)
    shared_.push(*first->ready_next);
  return first;
}

} // namespace weir::detail
