// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "deterministic_driver.hpp"

#include <weir/error.hpp>
#include <weir/testing/deadlock.hpp>
#include <weir/testing/step_limit_exceeded.hpp>

#include "base/thread_context.hpp"
#include "runtime/runtime_core.hpp"
#include "task_tree.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

namespace weir::detail {

namespace {
// Timers that are due.
constexpr std::size_t most_at_once = 4;
// The end may take at least this many steps, however few the program has.
constexpr std::uint64_t least_end_steps = 1'000'000;

// Called before `n` more elements are taken from their source: there may be no
// memory.
template <typename T>
void make_room(std::vector<T>& list, std::size_t n) {
  if (list.capacity() - list.size() < n)
    list.reserve(2 * list.size() + n);
}
} // namespace

deterministic_driver::deterministic_driver(
    runtime_core& runtime, const testing::deterministic_options& options)
    : runtime_(runtime), options_(options), asio_(runtime.pool()),
      choice_(options.seed), time_{start, own_thread().clock},
      most_steps_(options.max_steps) {
  this_thread().clock = &time_;
}

deterministic_driver::~deterministic_driver() {
  virtual_clock** link = &own_thread().clock;
  while (*link != nullptr && *link != &time_)
    link = &(*link)->made_before;
  if (*link == nullptr) {
    std::fputs("weir: a deterministic_runtime was destroyed by another thread "
               "than made it\n",
               stderr);
    std::terminate();
  }
  *link = time_.made_before;
}

// Makes the calling thread the runtime's only worker.
class deterministic_driver::seat final {
public:
  explicit seat(deterministic_driver& d) noexcept
      : driver_(d), before_(own_thread()) {
    // acquire: sees what the last thread that ran it did.
    if (d.is_driven_.exchange(true, std::memory_order_acquire)) {
      std::fputs("weir: two threads run one deterministic_runtime\n", stderr);
      std::terminate();
    }
    this_thread() = {.drives = &d, .clock = &d.time_};
    d.runtime_.ready().enter_driver();
  }
  seat(const seat&) = delete;
  seat& operator=(const seat&) = delete;
  ~seat() {
    for (ready_item* item : std::exchange(driver_.ready_, {}))
      (void)driver_.runtime_.ready().push(*item);
    driver_.runtime_.ready().leave_driver();
    this_thread() = before_;
    // release: to the next thread that runs it.
    driver_.is_driven_.store(false, std::memory_order_release);
  }

private:
  deterministic_driver& driver_;
  const thread_context before_;
};

runtime_core* deterministic_driver::make_runtime(
    const testing::deterministic_options& options) {
  return new runtime_core(start, [&options](runtime_core& core) {
    return std::make_unique<deterministic_driver>(core, options);
  });
}

deterministic_driver&
deterministic_driver::of(const runtime_core& runtime) noexcept {
  return static_cast<deterministic_driver&>(*runtime.driven_by());
}

bool deterministic_driver::is_here() const noexcept {
  return this_thread().drives == this;
}

void deterministic_driver::require_free() const {
  if (this_thread().drives != nullptr)
    throw boost::system::system_error(
        errc::would_deadlock,
        "weir::testing::deterministic_runtime::run: called while a "
        "deterministic runtime runs on this thread");
  // relaxed: a courtesy, see seat.
  if (is_driven_.load(std::memory_order_relaxed))
    throw boost::system::system_error(
        errc::would_deadlock,
        "weir::testing::deterministic_runtime::run: another thread runs it");
}

void deterministic_driver::outside_began() noexcept {
  // relaxed: a task on the thread that reads it has begun the function.
  outside_.fetch_add(1, std::memory_order_relaxed);
}

void deterministic_driver::outside_ended() noexcept {
  // release: a thread that sees the function ended sees what it posted.
  outside_.fetch_sub(1, std::memory_order_release);
}

void deterministic_driver::failed(const std::exception_ptr& error) noexcept {
  if (!error_)
    error_ = error;
}

// --- run ---

void deterministic_driver::run(const bool& done) {
  const seat taken(*this);
  while (!done) {
    step();
    if (hook_)
      hook_();
  }
}

void deterministic_driver::step() {
  // Timers taken out of the wheel fire before the frames that wait for them are
  // destroyed.
  if (runtime_.is_ending()) {
    if (!due_.empty()) {
      count();
      timer_entry* const entry = due_.back();
      due_.pop_back();
      entry->fire();
      return;
    }
    if (runtime_.end_one()) {
      count();
      return;
    }
  }
  (void)take_ready();
  if (more_due_ && choice_.below(2) == 0)
    take_due();
  // Asio does not report how many handlers are ready: they count as one, and
  // run in their order.
  const std::size_t n = ready_.size() + due_.size();
  std::size_t chosen = choice_.below(n + 1);
  if (chosen == n) {
    if (poll())
      return;
    if (n == 0) {
      wait();
      return;
    }
    chosen = choice_.below(n);
  }
  count();
  if (chosen < ready_.size()) {
    std::swap(ready_[chosen], ready_.back());
    auto* const task = static_cast<task_core*>(ready_.back());
    ready_.pop_back();
    runtime_.ready().driver_yields(choice_.below(2) == 0);
    task->run();
  } else {
    std::swap(due_[chosen - ready_.size()], due_.back());
    timer_entry* const entry = due_.back();
    due_.pop_back();
    entry->fire();
  }
  if (error_)
    std::rethrow_exception(std::exchange(error_, nullptr));
}

// True: some task is ready.
bool deterministic_driver::take_ready() {
  for (;;) {
    make_room(ready_, 1);
    ready_item* const item = runtime_.ready().take();
    if (item == nullptr)
      return !ready_.empty();
    ready_.push_back(item);
  }
}

void deterministic_driver::count() {
  if (steps_ == most_steps_)
    throw testing::step_limit_exceeded(
        options_.max_steps, options_.seed, time_.now - start);
  ++steps_;
}

// True: it called a handler of Asio's.
bool deterministic_driver::poll() {
  if (steps_ == most_steps_)
    count();
  if (!asio_.call_one())
    return false;
  ++steps_;
  return true;
}

// --- nothing is ready ---

void deterministic_driver::wait() {
  const clock::time_point next = runtime_.timers().next_event();
  if (next <= time_.now) {
    take_due();
    return;
  }
  const bool outside = has_outside_work();
  if (next != clock::time_point::max()) {
    if (!outside || !wait_outside(options_.outside_grace))
      jump(next);
    return;
  }
  if (runtime_.break_stall())
    return;
  const bool may_go_on = outside || task_tree::may_go_on(runtime_);
  // Another thread may have woken a task during the check: it is queued.
  if (take_ready() || (may_go_on && wait_outside(options_.outside_limit)))
    return;
  if (!poll() && !take_ready())
    throw testing::deadlock(
        options_.seed, steps_, time_.now - start, task_tree::print(runtime_));
}

// Some events of the wheel are not deadlines.
void deterministic_driver::jump(clock::time_point next) {
  do {
    time_.now = std::max(time_.now, next);
    take_due();
    next = runtime_.timers().next_event();
  } while (due_.empty() && next != clock::time_point::max());
}

// Takes some of what is due, or all: entries that stay in the wheel can be
// disarmed, entries taken out will fire.
void deterministic_driver::take_due() {
  const std::size_t most = 1 + choice_.below(most_at_once);
  make_room(due_, most);
  for (timer_entry* e = runtime_.timers().take_due(time_.now, most);
       e != nullptr;
       e = e->next)
    due_.push_back(e);
  more_due_ = runtime_.timers().next_event() <= time_.now;
}

// True: a handler or a ready task arrived. Waits in real time.
bool deterministic_driver::wait_outside(std::chrono::milliseconds at_most) {
  using real = std::chrono::steady_clock;
  const real::time_point end = deadline_after(at_most, real::now());
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::microseconds>(end - real::now());
    if (left <= left.zero())
      return false;
    if (asio_.await_one(left)) {
      ++steps_;
      return true;
    }
  }
}

// Whether Asio has operations pending, or an offloaded function runs.
bool deterministic_driver::has_outside_work() {
  // acquire: pairs with outside_ended().
  return outside_.load(std::memory_order_acquire) != 0 || asio_.has_any();
}

// --- ends ---

// One step of the end, without a choice and without memory: it must not fail.
// False: everything waits for events that will not happen.
bool deterministic_driver::end_step() noexcept {
  // First what is due: a frame that has a deadline waits until it has fired.
  if (!due_.empty()) {
    timer_entry* const due = due_.back();
    due_.pop_back();
    due->fire();
    return true;
  }
  if (runtime_.end_one())
    return true;
  ready_item* item = nullptr;
  if (!ready_.empty()) {
    item = ready_.back();
    ready_.pop_back();
  } else {
    item = runtime_.ready().take();
  }
  if (item != nullptr) {
    static_cast<task_core*>(item)->run();
    return true;
  }
  if (timer_entry* const due = runtime_.timers().take_due(time_.now, 1)) {
    due->fire();
    return true;
  }
  try {
    if (asio_.call_one())
      return true;
  } catch (...) {
    return true; // Thrown by a handler: there is no run() to throw it.
  }
  const clock::time_point next = runtime_.timers().next_event();
  if (next != clock::time_point::max()) {
    time_.now = std::max(time_.now, next);
    return true;
  }
  if (runtime_.break_stall())
    return true;
  try {
    return has_outside_work() && wait_outside(options_.outside_limit);
  } catch (...) {
    return true; // As above.
  }
}

bool deterministic_driver::finish() noexcept {
  // relaxed: as require_free().
  if (is_driven_.load(std::memory_order_relaxed))
    return true; // Another thread is in run().
  // Counted separately: steps() reports those of the program.
  bool may_go_on = true;
  {
    const seat taken(*this);
    const std::uint64_t most = std::max(options_.max_steps, least_end_steps);
    for (std::uint64_t step = 0; may_go_on && !runtime_.is_over(); ++step)
      may_go_on = step != most && end_step();
    if (may_go_on) {
      // Completion handlers of the tasks. And as a thread of a pool would, the
      // driver ends only when it has fired what it took.
      for (bool more = true; more;)
        try {
          more = asio_.call_one();
        } catch (...) {
          more = true; // Thrown by a handler: no run() to throw it.
        }
      for (timer_entry* entry : std::exchange(due_, {}))
        entry->fire();
    }
  }
  if (may_go_on)
    return true;
  std::fputs("weir: a deterministic_runtime cannot end, and is left as it is\n",
             stderr);
  try {
    std::fputs(task_tree::print(runtime_).c_str(), stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("  (no memory to print its tasks)\n", stderr);
  }
  return false;
}

void deterministic_driver::shut_down() noexcept {
  most_steps_ = steps_ + options_.max_steps;
  try {
    const seat taken(*this);
    runtime_.cancel_all();
    while (!runtime_.is_at_rest())
      step();
    while (poll()) { // completion handlers of the tasks
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr,
                 "weir: a deterministic_runtime's destructor gave up: %s\n",
                 e.what());
  } catch (...) {
    std::fputs("weir: a deterministic_runtime's destructor gave up: something "
               "that is no std::exception was thrown\n",
               stderr);
  }
}

} // namespace weir::detail
