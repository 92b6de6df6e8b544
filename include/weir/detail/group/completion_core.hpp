// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/wait/contending_step.hpp>
#include <weir/detail/wait/queued_step.hpp>
#include <weir/error.hpp>
#include <weir/task_group.hpp>

#include "group_steps.hpp"
#include "result_list.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace weir::detail {

// A next(), in a queue of the core's.
template <typename T>
struct completion_waiter : contending_step {
  std::unique_ptr<result_node<T>> got;
};

// The results of a completion_group that next() has not taken yet, and the
// waiters for one. Shared by the group, its children and its steps: a child
// that was refused may be destroyed after the group.
template <typename T>
class completion_core final
    : public cancellable_body,
      public std::enable_shared_from_this<completion_core<T>> {
public:
  using node = result_node<T>;
  using step = completion_waiter<T>;

  explicit completion_core(std::size_t max_unconsumed) noexcept
      : max_unconsumed_(max_unconsumed) {}
  completion_core(const completion_core&) = delete;
  completion_core& operator=(const completion_core&) = delete;
  ~completion_core() {
    while (first_ != nullptr)
      delete std::exchange(first_, first_->next);
  }

  // A child was made, or its frame is destroyed, begun or not.
  void enter() noexcept {
    std::lock_guard held(lock_);
    ++children_;
  }
  void leave() noexcept {
    step_queue woken;
    {
      std::lock_guard held(lock_);
      --children_;
      wake_if_over(woken);
    }
    complete_all(woken);
  }

  // The oldest next() gets the result, or it waits for one.
  void push(std::unique_ptr<node> n) noexcept {
    contending_step* to = nullptr;
    {
      std::lock_guard held(lock_);
      bool too_late = false; // Never: a child has no claim.
      to = first_served(takers_, nullptr, too_late);
      if (to != nullptr) {
        static_cast<step*>(to)->got = std::move(n);
      } else {
        ++unconsumed_;
        node* const last = n.release();
        last->next = nullptr;
        (last_ != nullptr ? last_->next : first_) = last;
        last_ = last;
      }
    }
    if (to != nullptr)
      complete_step(*to);
  }

  // True: there was one, there never will be, or `s` comes too late for its
  // contest. False: `s` is queued.
  bool take(step& s, waiter& w) noexcept {
    queued_step* admitted = nullptr;
    {
      std::lock_guard held(lock_);
      if (first_ == nullptr) {
        if (is_over())
          return true;
        enqueue(takers_, s, w);
        return false;
      }
      if (s.claim != nullptr && !s.claim->take()) {
        s.abort();
        return true;
      }
      s.takes_effect();
      s.got.reset(first_);
      first_ = first_->next;
      if (first_ == nullptr)
        last_ = nullptr;
      --unconsumed_;
      if (unconsumed_ < holding_ || unconsumed_ - holding_ < max_unconsumed_)
        admitted = dequeue(holders_);
      if (admitted != nullptr)
        --holding_;
    }
    if (admitted != nullptr)
      complete_step(*admitted);
    return true;
  }

  // True: the child that calls it may end; its result waits without it.
  bool may_end(queued_step& s, waiter& w) noexcept {
    std::lock_guard held(lock_);
    if (unconsumed_ <= holding_ || unconsumed_ - holding_ <= max_unconsumed_)
      return true;
    ++holding_;
    enqueue(holders_, s, w);
    return false;
  }

  bool withdraw_taker(queued_step& s) noexcept {
    std::lock_guard held(lock_);
    return withdraw(takers_, s);
  }
  bool withdraw_holder(queued_step& s) noexcept {
    std::lock_guard held(lock_);
    if (!withdraw(holders_, s))
      return false;
    --holding_;
    return true;
  }

  bool has_takers() noexcept {
    std::lock_guard held(lock_);
    return !takers_.empty();
  }

  // No child is to come but from children: next() ends with the last of them.
  void close() noexcept {
    step_queue woken;
    {
      std::lock_guard held(lock_);
      closed_ = true;
      wake_if_over(woken);
    }
    complete_all(woken);
  }
  // A join began: children must not wait for a next() that may never come.
  void unbind() noexcept {
    step_queue woken;
    {
      std::lock_guard held(lock_);
      max_unconsumed_ = unlimited;
      holding_ = 0;
      while (queued_step* const s = dequeue(holders_))
        woken.push_back(*s);
    }
    complete_all(woken);
    close();
  }

private:
  // The group was cancelled: it takes no more children.
  void announce() noexcept override { kept_ = this->shared_from_this(); }
  void cancel() noexcept override {
    const auto kept = std::move(kept_); // The group may be destroyed.
    close();
  }

  // Lock held.
  bool is_over() const noexcept { return closed_ && children_ == 0; }
  void wake_if_over(step_queue& woken) noexcept {
    if (is_over())
      while (queued_step* const s = dequeue(takers_))
        woken.push_back(*s);
  }

  spin_lock lock_;
  // The rest under lock_.
  node* first_ = nullptr; // results not taken, the oldest first
  node* last_ = nullptr;
  step_queue takers_;          // next()
  step_queue holders_;         // children that keep their slot with a result
  std::size_t holding_ = 0;    // how many
  std::size_t unconsumed_ = 0; // results, those of holders too
  std::size_t max_unconsumed_; // of those whose child has ended
  std::uint64_t children_ = 0; // made and not destroyed
  bool closed_ = false;
  // Called once, by the canceller of the group.
  std::shared_ptr<completion_core> kept_;
};

} // namespace weir::detail
