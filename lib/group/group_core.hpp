// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/task/task_list.hpp>
#include <weir/task_group.hpp>

#include "error_record.hpp"
#include "group_permits.hpp"
#include "group_state.hpp"
#include "group_timer.hpp"
#include "runtime/runtime_core.hpp"
#include "slot_counter.hpp"

#include <boost/system/error_code.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace weir::detail {

// What joins a group.
enum class group_kind : std::uint8_t {
  bare,  // the code that made the task_group
  scope, // the function that made it in a task, when the body has ended
  shielded_scope, // the same, behind a shield()
};

// Children of a group for a cancellation to mark.
struct child_list {
  spin_lock lock;
  bool is_cancelled = false; // of a cancellation; all under lock
  std::uint32_t size = 0;
  task_list tasks;
};
// No cache line contains parts of two of them: 56 bytes, and the 8 to which a
// list is aligned, lie between the end of one and the begin of what is used of
// the next.
struct apart_child_list : child_list {
  std::array<std::byte, 56> apart;
};

// The shared state behind a task_group: the rules, the children that have
// awaited, and the waiters. Alive while the task_group, a token operation or a
// deadline refers to it.
class group_core final : public tracked_group, public cached<group_core> {
  using lock_type = spin_lock;
  static constexpr std::size_t cache_line = 64; // bytes

public:
  using error_hook = std::function<void(const task_failure&)>;

  static group_core& create(runtime_core& runtime,
                            const task_group_options& options,
                            group_kind kind);

  // --- any thread ---

  // relaxed: the thread that adds one already owns one.
  void add_ref() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  bool try_add_ref() noexcept override {
    add_ref();
    return true;
  }
  void release() noexcept override;

  // The task_group is destroyed.
  void handle_gone() noexcept;

  runtime_core& runtime() const noexcept { return runtime_; }
  bool is_shielded() const noexcept override {
    return kind_ == group_kind::shielded_scope;
  }

  // A control block for `child`, not yet admitted. Destroys it on bad_alloc.
  task_core* make_child(unstarted child);
  // Destroys a control block that was never launched.
  static void discard_child(task_core* child) noexcept;

  // spawn(): started or refused at once, or `w` is queued and owned by the
  // group; its `who` completes it. `child` is taken out of the step first.
  // `awaits`: the parent is suspended until then.
  group_state::admission
  spawn(spawn_step& step, task_core* parent, bool awaits) noexcept;
  // How many children run with it; 0: use the rules.
  std::uint64_t spawn_fast(std::uint64_t& index) noexcept;
  spawn_status reserve(std::uint64_t& index, std::size_t weight) noexcept;
  void unreserve(std::size_t weight) noexcept;
  void
  launch_reserved(unstarted child, std::uint64_t index, std::size_t weight);
  // The limiter has answered.
  void permit_settled(bool granted) noexcept;
  // Throws std::invalid_argument in the name of `who`.
  void require_weight(std::size_t weight, const char* who) const;
  const limiter_core* limiter() const noexcept override {
    return permits_ != nullptr ? &permits_->from() : nullptr;
  }
  bool withdraw(group_waiter& w, task_core* parent) noexcept;

  bool join(resting_waiter& w) noexcept;
  // True: a join now is the join by the scope, after its body.
  bool is_joined_by_scope() const noexcept;
  // After a join: what it reports; null for success.
  std::exception_ptr outcome() const;
  // True if outcome() is `error`: join() threw it, and nothing has failed
  // since.
  bool is_outcome(const std::exception_ptr& error) const noexcept;
  // As outcome(), but ignores the errors of children: null unless a deadline or
  // a cancellation from outside ended the group.
  std::exception_ptr broken_off() const;
  bool is_broken_off_from_outside() const noexcept;
  // True if outcome() reports that.
  bool ended_by_outside() const noexcept;
  bool has_error() const noexcept;

  void cancel(group_state::cause why,
              boost::system::error_code reason) noexcept;
  void cancel_from_outside() noexcept override {
    cancel(group_state::cause::outside, {});
  }
  void close() noexcept;
  void cancel_at(clock::time_point deadline) noexcept;
  // wait_idle() and wait_stopping(): true, or `w` is queued.
  bool wait(resting_waiter& w, group_waiter::kind what) noexcept;
  // A cancelled task does not wait for its permits. True: it is not waiting
  // any more. False: its completion is on the way.
  static bool give_up_permits(resting_waiter& w) noexcept;
  void request_stop() noexcept;
  bool is_stopping() const noexcept {
    // acquire: sees what the caller of request_stop() did before.
    return stopping_.load(std::memory_order_acquire) || is_cancelled();
  }
  void shutdown(clock::duration drain, clock::duration soft) noexcept;
  // False: it is not joined.
  bool reopen() noexcept;
  void set_cap(std::size_t cap) noexcept;
  std::size_t cap() const noexcept;
  task_group_stats stats() const noexcept;
  bool is_cancelled() const noexcept override {
    // acquire: sees the reason.
    return cancelled_.load(std::memory_order_acquire);
  }
  boost::system::error_code cancel_reason() const noexcept override;

  void set_error_hook(error_hook hook);
  // Null detaches it: it is not cancelled any more, unless it was announced.
  void set_body(cancellable_body* body) noexcept;
  // The same without the lock, for a body that can wait for its cancellation.
  // detach_body(): false: it is certain to be cancelled, perhaps without an
  // announcement so far.
  void attach_body(cancellable_body& body) noexcept;
  bool detach_body() noexcept;
  // The body failed: the error is recorded, and the children are cancelled,
  // unless the error is the outcome that the body got from join().
  void fail(const std::exception_ptr& error) noexcept;

  bool is_idle() const noexcept override;
  std::size_t children() const noexcept override;
  bool has_stopper() const noexcept;
  void signal_end() noexcept override;
  void cancel_queued() noexcept override;
  group_summary summary() const noexcept override {
    const task_group_stats now = stats();
    return {name_, now.in_flight, cap(), now.waiting};
  }
  const char* name() const noexcept { return name_; }

private:
  group_core(runtime_core& runtime,
             const task_group_options& options,
             group_kind kind);
  ~group_core() = default;

  void visit_children(void (*visit)(task_core& child, void* to),
                      void* to) const override;
  bool on_first_await(task_core& core) noexcept override;
  void on_end(task_core& core, task_end end) noexcept override;

  bool give_up_handle() noexcept;
  void wait_for_children_of_end() noexcept;
  // No child has failed, and nothing has cancelled it.
  bool is_unbroken() const noexcept {
    // acquire: sees what the child that failed, or the canceller, did before.
    return !failed_.load(std::memory_order_acquire) && !is_cancelled();
  }
  void end_badly(task_core& core, task_end end) noexcept;
  group_waiter* lent_by(const task_core& child) noexcept;
  void count_end(task_core& core, group_state::ending ending) noexcept;
  void unlist(task_core& core) noexcept;
  void make_rules() const noexcept;
  void spread() noexcept;
  std::size_t lists() const noexcept;
  std::size_t lists_at_the_end() const noexcept;
  child_list& list_of_children(std::size_t i) const noexcept {
    return i == 0 ? children_ : (*more_children_)[i - 1];
  }
  struct timers;
  timers& use_timers() noexcept;
  // Static: a running child may be the last one, and then the group may be
  // destroyed.
  static void launch(task_core& child, std::uint64_t index) noexcept;
  group_state::request request_of(const spawn_step& step,
                                  const task_core* parent,
                                  bool awaits) const noexcept;
  class counted_lock; // counted_lock.hpp
  static void give_back(group_queue& woken) noexcept;
  void lend_permits(resting_waiter& w) noexcept;
  static bool rejoin(resting_waiter& w) noexcept;
  static group_core& own_group(const resting_waiter& w) noexcept;
  static void returned(resting_waiter& w) noexcept;
  static void complete(group_queue& woken) noexcept;
  void record(const std::exception_ptr& error,
              std::uint64_t index,
              const char* name,
              bool cancel_siblings) noexcept;
  bool cancel_locked(counted_lock& held,
                     group_state::cause why,
                     boost::system::error_code reason) noexcept;
  cancellable_body* claim_body() noexcept;
  void cancel_parts(std::uint32_t generation, cancellable_body* body) noexcept;
  void cancel_children(std::uint32_t generation) noexcept;
  void on_deadline(std::uint32_t generation) noexcept;
  void request_stop_locked(counted_lock& held) noexcept;
  void next_stage(std::uint32_t plan) noexcept;
  std::uint32_t generation() const noexcept {
    // relaxed: a caller that must not miss a change holds a lock.
    return generation_.load(std::memory_order_relaxed);
  }

  runtime_core& runtime_;
  const error_policy policy_;
  const on_cancel cancellation_;
  const char* const name_;
  const group_kind kind_;
  // Set under lock_; read without it by children that start.
  sync::atomic<bool> cancelled_{false};
  sync::atomic<bool> stopping_{false};
  // A child, or the body, has failed. As above.
  sync::atomic<bool> failed_{false};
  // timers_ is there. As above.
  sync::atomic<bool> timed_{false};
  // more_children_ is there. As above.
  sync::atomic<bool> spread_{false};
  // Counts reopen() calls, to distinguish the children of one use of the group
  // from those of the next. Set under lock_.
  sync::atomic<std::uint32_t> generation_{0};

  // The cache does not align to cache lines. So rarely used members separate
  // those that are often written from those that are often read: here, and
  // before the lists.
  struct timers {
    explicit timers(group_core& group) noexcept
        : deadline(group, &group_core::on_deadline),
          stages(group, &group_core::next_stage) {}
    group_timer deadline;
    group_timer stages; // of shutdown()
  };
  // Most groups have none. Made under lock_, and then used without.
  std::optional<timers> timers_;
  static_assert(sizeof(timers) >= cache_line);

  // The fast path: admission and end of children while nothing else is to be
  // done. Next to the members that it uses.
  mutable slot_counter slots_;
  sync::atomic<std::uint32_t> refs_{1};
  mutable lock_type lock_;
  // Under lock_:
  bool is_cancel_pending_ = false;
  bool handle_gone_ = false;
  // Of shutdown(): its current stage, and which call's times apply.
  enum class stage : std::uint8_t { none, draining, softly };
  stage stage_ = stage::none;
  clock::duration soft_{};
  std::uint32_t plan_ = 0;
  // While the group is in a list of pending_cancels: used only by the thread of
  // that list.
  std::uint32_t cancelled_generation_ = 0;
  cancellable_body* cancelled_body_ = nullptr;
  // Null: there is no limiter.
  const std::unique_ptr<group_permits> permits_; // its members under lock_
  // What is cancelled with the children: null, or set by set_body() under
  // lock_; or attached by a group_body without it, with the lowest bit set, and
  // then `claimed_body` once it is certain to be cancelled.
  sync::atomic<std::uintptr_t> body_{0};
  static constexpr std::uintptr_t unclaimed = 1;
  static constexpr std::uintptr_t claimed_body = 2;

  // What a group needs that does more than to count children.
  struct rules {
    rules(std::size_t cap,
          std::size_t max_waiting,
          std::size_t errors_collected,
          group_permits* permits) noexcept
        : state(cap, max_waiting, permits), errors(errors_collected) {}
    group_state state; // counts while slots_ is locked
    error_record errors;
    // The group_error that join() has thrown, if any: the same for all joiners.
    std::exception_ptr join_error;
    std::shared_ptr<const error_hook> hook; // called without the lock
    boost::system::error_code reason;       // constant once cancelled
  };
  const std::size_t max_waiting_;
  // Made by the first counted_lock, and used under lock_.
  mutable std::optional<rules> rules_;

  // Children that have awaited: in several lists once there are many, so that
  // threads rarely contend. Made under lock_; a list's lock may be taken under
  // it.
  static constexpr std::size_t most_lists = 4;
  mutable std::optional<std::array<apart_child_list, most_lists - 1>>
      more_children_;
  mutable child_list children_;
};

} // namespace weir::detail
