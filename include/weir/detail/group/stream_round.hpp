// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/wait/queued_step.hpp>
#include <weir/task_group.hpp>

#include "element_errors.hpp"
#include "group_access.hpp"
#include "group_steps.hpp"
#include "stream_sink.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace weir::detail {

// A submit() that waits until fewer results wait for their turn.
class gated_step : public queued_step {
public:
  // No lock held, by the thread that took it out of the gate.
  virtual void proceed() noexcept = 0;

protected:
  gated_step() = default;
  gated_step(gated_step&&) = default;
  ~gated_step() = default;

  // Under the round's lock, but for `open` before it is in the gate.
  enum class phase : std::uint8_t {
    open,     // the group has it, or had it
    gated,    // in the gate's queue
    starting, // taken out, being handed to the group
  };
  friend class stream_gate;
  phase phase_ = phase::open;
};

// Submissions wait here while too many results do. Guarded by the round's lock.
class stream_gate final {
public:
  explicit stream_gate(std::size_t max_reorder) noexcept
      : max_reorder_(max_reorder) {}

  // Without the lock: a hint. A submission that comes while a result is put
  // aside may still pass, as one that came before it.
  bool is_shut() const noexcept {
    // relaxed: what it says is looked at again under the lock.
    return shut_.load(std::memory_order_relaxed);
  }

  // A result waits for its turn, or its turn has come.
  void add() noexcept {
    ++waiting_;
    update();
  }
  void remove(step_queue& woken) noexcept {
    --waiting_;
    collect(woken);
  }

  // True: it need not wait.
  bool passes(gated_step& step, waiter& w) noexcept {
    if (flushed_ || (waiting_ < max_reorder_ && queue_.empty()))
      return true;
    step.phase_ = gated_step::phase::gated;
    enqueue(queue_, step, w);
    update();
    return false;
  }
  bool withdraw(gated_step& step) noexcept {
    const bool was_queued = detail::withdraw(queue_, step);
    update();
    return was_queued;
  }
  // The group was cancelled: it refuses everybody.
  void flush(step_queue& woken) noexcept {
    flushed_ = true;
    collect(woken);
  }
  // No lock held.
  static void proceed_all(step_queue& woken) noexcept {
    while (queued_step* const step = woken.pop_front())
      static_cast<gated_step*>(step)->proceed(); // *step may be destroyed.
  }

private:
  // Those that may proceed.
  void collect(step_queue& woken) noexcept {
    if (flushed_ || waiting_ < max_reorder_)
      while (queued_step* const step = dequeue(queue_)) {
        static_cast<gated_step*>(step)->phase_ = gated_step::phase::starting;
        woken.push_back(*step);
      }
    update();
  }
  void update() noexcept {
    const bool shut =
        !flushed_ && (waiting_ >= max_reorder_ || !queue_.empty());
    if (shut != is_shut())
      shut_.store(shut, std::memory_order_relaxed); // as is_shut()
  }

  const std::size_t max_reorder_;
  std::size_t waiting_ = 0; // results
  step_queue queue_;
  bool flushed_ = false;
  alignas(64) sync::atomic<bool> shut_{false}; // written seldom, read often
};

// An ordered_stream between two joins: its children, and the results that wait
// for their turn. The thread that completes the task whose turn it is delivers
// it, and those behind it that are there.
template <typename T>
class stream_round final
    : public cancellable_body,
      public std::enable_shared_from_this<stream_round<T>> {
public:
  struct node : cached_if_fits<node> {
    std::optional<T> value; // none: its task failed
  };

  stream_round(const executor& ex,
               const task_group_options& options,
               std::size_t max_reorder,
               stream_sink<T>& to)
      : errors(options.errors),
        keeps_going(options.errors.siblings() == on_error::keep_going),
        sink(to), gate(max_reorder), slots_(64, nullptr) {
    task_group_options inner = options;
    inner.errors = options.errors.siblings();
    group.emplace(ex, inner);
    set_body(*group, this);
  }
  stream_round(const stream_round&) = delete;
  stream_round& operator=(const stream_round&) = delete;
  ~stream_round() {
    end();
    for (node* n : slots_)
      drop(n);
  }

  // The stream is destroyed, or has another round.
  void end() noexcept {
    if (!group)
      return;
    set_body(*group, nullptr);
    group.reset(); // Terminates if children are in flight.
  }

  // True: the caller, who completed the task of `index`, delivers from now on.
  // False: `value` waits for its turn.
  bool arrive(std::uint64_t index, std::optional<T>& value) {
    if (is_turn_of(index))
      return true;
    std::unique_ptr<node> kept; // none: the task failed
    if (value) {
      kept = std::make_unique<node>();
      kept->value.emplace(std::move(*value));
    }
    std::vector<node*> bigger;
    for (;;) {
      std::size_t size = 0;
      std::uint64_t ahead = 0;
      {
        std::lock_guard held(lock);
        if (is_turn_of(index))
          break;
        if (bigger.size() > slots_.size())
          grow(bigger);
        size = slots_.size();
        ahead = index - turn();
        if (ahead < size) {
          at(index) = kept ? kept.release() : &skipped_;
          gate.add();
          return false;
        }
      }
      while (size <= ahead)
        size *= 2;
      bigger.assign(size, nullptr);
    }
    // Its turn has come meanwhile.
    if (kept)
      value.emplace(std::move(*kept->value));
    return true;
  }

  // The next result, if it is there; else another thread will deliver. Lets
  // submissions proceed.
  node* next() noexcept {
    step_queue woken;
    node* n = nullptr;
    {
      std::lock_guard held(lock);
      const std::uint64_t turn = this->turn() + 1;
      // release: the thread that delivers next sees what this callback did.
      next_.store(turn, std::memory_order_release);
      n = std::exchange(at(turn), nullptr);
      if (n != nullptr)
        gate.remove(woken);
    }
    stream_gate::proceed_all(woken);
    return n;
  }
  void drop(node* n) noexcept {
    if (n != &skipped_)
      delete n;
  }

  // A task or the callback failed. False: a cancellation ended it.
  bool failed(std::uint64_t index, const std::exception_ptr& error) noexcept {
    if (group->is_cancelled() && is_aborted(error))
      return false;
    errors.add(index, error);
    return true;
  }

  std::optional<task_group> group;
  element_errors errors;
  const bool keeps_going;
  stream_sink<T>& sink;
  spin_lock lock;
  stream_gate gate; // under lock

private:
  void announce() noexcept override { kept_ = this->shared_from_this(); }
  void cancel() noexcept override {
    const auto kept = std::move(kept_); // The stream may be destroyed.
    step_queue woken;
    {
      std::lock_guard held(lock);
      gate.flush(woken);
    }
    stream_gate::proceed_all(woken);
  }

  // Any thread. Once it is true for a task that has not arrived it stays so:
  // no other task can go on before that task has delivered.
  bool is_turn_of(std::uint64_t index) const noexcept {
    // acquire: what the callbacks before this one did.
    return next_.load(std::memory_order_acquire) == index;
  }
  // Lock held.
  std::uint64_t turn() const noexcept {
    // relaxed: only changed under the lock.
    return next_.load(std::memory_order_relaxed);
  }

  // Lock held.
  node*& at(std::uint64_t index) noexcept {
    return slots_[static_cast<std::size_t>(index) & (slots_.size() - 1)];
  }
  void grow(std::vector<node*>& bigger) noexcept {
    for (std::uint64_t i = turn(); i != turn() + slots_.size(); ++i)
      bigger[static_cast<std::size_t>(i) & (bigger.size() - 1)] = at(i);
    slots_.swap(bigger);
  }

  sync::atomic<std::uint64_t> next_{0}; // whose turn it is; set under lock
  std::vector<node*> slots_; // that wait, by index; a power of 2; under lock
  node skipped_;             // stands for a task that failed
  // Called once, by the canceller of the group.
  std::shared_ptr<stream_round> kept_;
};

} // namespace weir::detail
