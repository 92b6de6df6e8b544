// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/root_task.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/queued_step.hpp>
#include <weir/detail/wait/wait_queue.hpp>
#include <weir/executor.hpp>
#include <weir/flight_result.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <unordered_map>
#include <utility>

// The calls of a single_flight and the waiters for them.

namespace weir::detail {

class flight_board;

// One call: a task of its own, that ends by itself or when the last waiter
// for it leaves. Alive while it runs and while a waiter refers to it.
class WEIR_API flight : public root_task {
public:
  explicit flight(std::shared_ptr<flight_board> board) noexcept
      : board_(std::move(board)) {}
  virtual ~flight() = default;

  // Guarded by the board's lock.
  step_queue waiters;
  std::size_t waiting = 0; // in `waiters`
  std::size_t callers = 0; // that ever were
  bool is_listed = true;   // further callers join it
  bool is_cancelled = false;
  bool has_ended = false;
  task_ref core; // while it runs, from when it is known
  std::shared_ptr<flight> self;

  // Written before the waiters are completed.
  std::exception_ptr error;
  bool was_aborted = false; // the error is that of a cancellation
  bool is_shared = false;

  task_core* maker() const noexcept final;

protected:
  // root_task's, with take() left to the derived class.
  void deliver(task_core& ended) noexcept final;

private:
  const std::shared_ptr<flight_board> board_;
};

// What is the same for all keys and values. Alive while the single_flight, a
// call or an operation refers to it.
class flight_board : public std::enable_shared_from_this<flight_board> {
public:
  explicit flight_board(runtime_core& runtime) noexcept
      : runtime_(runtime), maker_(current_task()) {}
  flight_board(const flight_board&) = delete;
  flight_board& operator=(const flight_board&) = delete;
  virtual ~flight_board() = default;

  runtime_core& runtime() const noexcept { return runtime_; }
  // The task that made the single_flight, if one did.
  task_core* maker() const noexcept { return maker_.get(); }
  // The single_flight is destroyed.
  WEIR_API void handle_gone() noexcept;
  WEIR_API std::size_t waiting() const noexcept;
  WEIR_API std::size_t in_flight() const noexcept;

  // A waiter is cancelled, as by Step::on_cancel. `is_leaving` is set when it
  // is the last: it waits on, for the end of what it cancelled.
  WEIR_API bool
  leave(queued_step& step, flight& call, bool& is_leaving) noexcept;
  // The waiter's runtime ends. False: its completion follows.
  WEIR_API bool withdraw(queued_step& step, flight& call) noexcept;
  // The call has ended, or could not be started.
  WEIR_API void end(flight& call) noexcept;

protected:
  // Lock held: takes the call out of the table, so that no caller joins it.
  virtual void unlist(flight& call) noexcept = 0;

  // Lock held.
  WEIR_API void begin(std::shared_ptr<flight> call) noexcept;
  WEIR_API void add(flight& call, queued_step& step, waiter& who) noexcept;

  // No lock held: the call runs from here on.
  WEIR_API void started(flight& call, const task_ref& core) noexcept;

  // Not a spin_lock: hash and comparison of the keys are the user's.
  mutable sync::mutex lock_;

private:
  runtime_core& runtime_;
  const task_ref maker_;
  std::size_t waiting_ = 0;   // guarded by lock_
  std::size_t in_flight_ = 0; // guarded by lock_
};

// Throws errc::would_deadlock.
WEIR_API [[noreturn]] void throw_flight_waits_for_itself();

template <typename Value, typename F, typename... Args>
task<Value> call_flight(framed<F> f, framed<Args>... args) {
  if constexpr (std::is_void_v<Value>)
    (void)co_await std::invoke(std::move(unframed(f)),
                               std::move(unframed(args))...);
  else if constexpr (is_framed<Value>)
    co_return held<Value>(co_await std::invoke(std::move(unframed(f)),
                                               std::move(unframed(args))...));
  else
    co_return co_await std::invoke(std::move(unframed(f)),
                                   std::move(unframed(args))...);
}

template <typename Key, typename Value, typename Hash, typename Equal>
class flight_table final : public flight_board {
public:
  using value_type = Value;
  using key_type = Key;
  class call;

  // A key and its hash. What is listed is found again by where it is, so that
  // nothing of the user's, which may throw, is called when it ends.
  struct entry {
    Key key;
    std::size_t hash;
  };
  struct probe {
    const Key& key;
    std::size_t hash;
  };
  struct hash_of {
    using is_transparent = void;
    std::size_t operator()(const entry& e) const noexcept { return e.hash; }
    std::size_t operator()(const probe& p) const noexcept { return p.hash; }
    std::size_t operator()(const entry* e) const noexcept { return e->hash; }
  };
  struct is_same {
    using is_transparent = void;
    template <typename Asked>
    bool operator()(const Asked& a, const entry& b) const {
      if constexpr (std::is_pointer_v<Asked>)
        return a == &b;
      else
        return a.hash == b.hash && equal(a.key, b.key);
    }
    template <typename Asked>
    requires(!std::is_same_v<Asked, entry>) bool
    operator()(const entry& a, const Asked& b) const {
      return (*this)(b, a);
    }
    Equal equal;
  };
  using table = std::unordered_map<entry, call*, hash_of, is_same>;

  class call final : public flight {
  public:
    explicit call(std::shared_ptr<flight_board> board) noexcept
        : flight(std::move(board)) {}

    flight_result<Value> result() const {
      if constexpr (std::is_void_v<Value>)
        return flight_result<void>(is_shared);
      else
        return flight_result<Value>(value_, is_shared);
    }

    // Guarded by the board's lock.
    const entry* listed = nullptr;
    typename table::node_type unlisted; // destroyed without the lock

  private:
    void take(task_core& ended, task_end end) noexcept override {
      error = take_root_error(ended, end);
      if (!error)
        take_value(ended);
      was_aborted = is_aborted(error);
    }
    void take_value(task_core& ended) noexcept {
      if constexpr (!std::is_void_v<Value>) {
        using promise = typename task<Value>::promise_type;
        try {
          value_ = std::make_shared<const Value>(
              static_cast<promise&>(*ended.root()).take_value());
        } catch (...) {
          error = std::current_exception();
        }
      }
    }

    std::
        conditional_t<std::is_void_v<Value>, char, std::shared_ptr<const Value>>
            value_{};
  };

  flight_table(runtime_core& runtime, Hash hash, Equal equal)
      : flight_board(runtime), hash_(std::move(hash)),
        calls_(0, hash_of(), is_same{std::move(equal)}) {}

  // As Step::start(). `take_part` gets the call before `step` waits for it;
  // `make` makes the task if the caller is the first.
  template <typename TakePart, typename Make>
  void join(queued_step& step,
            waiter& who,
            const task_core* caller,
            Key& key,
            TakePart take_part,
            Make make) {
    const std::shared_ptr<flight_board> alive = this->shared_from_this();
    std::shared_ptr<call> first;
    {
      std::lock_guard held(lock_);
      const std::size_t hash = hash_(key);
      if (auto found = calls_.find(probe{key, hash}); found != calls_.end()) {
        call& running = *found->second;
        if (caller != nullptr && caller->owner() == &running)
          throw_flight_waits_for_itself();
        take_part(std::static_pointer_cast<call>(running.self));
        add(running, step, who);
        return;
      }
      first = std::make_shared<call>(alive);
      auto place =
          calls_.try_emplace(entry{std::move(key), hash}, first.get()).first;
      first->listed = &place->first;
      take_part(first);
      begin(first);
      add(*first, step, who);
    }
    // Until the task is started nothing else touches the step.
    task_ref core;
    try {
      core = start_root(runtime(), unstarted(make()), *first);
    } catch (...) {
      first->error = std::current_exception();
      end(*first);
      return;
    }
    started(*first, core); // The step may be destroyed.
  }

  bool forget(const Key& key) {
    typename table::node_type removed;
    std::lock_guard held(lock_); // let go before `removed` is destroyed
    auto found = calls_.find(probe{key, hash_(key)});
    if (found == calls_.end())
      return false;
    found->second->is_listed = false;
    removed = calls_.extract(found);
    return true;
  }

private:
  void unlist(flight& ended) noexcept override {
    auto& one = static_cast<call&>(ended);
    one.unlisted = calls_.extract(calls_.find(one.listed));
  }

  Hash hash_;
  table calls_; // guarded by lock_
};

} // namespace weir::detail
