// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/completion_memory.hpp>
#include <weir/detail/base/condition_variable.hpp>
#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/wait/waiter.hpp>
#include <weir/executor.hpp>

#include "await_task.hpp"
#include "promise.hpp"
#include "task_core.hpp"

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::detail {

// A task that no group owns: started by co_spawn or runtime::run. The runtime
// keeps a list of them.
class WEIR_API root_task : public task_owner {
public:
  bool on_first_await(task_core&) noexcept final { return false; }
  bool is_cancelled() const noexcept final { return false; }
  void on_end(task_core& core, task_end end) noexcept final;

protected:
  ~root_task() = default;

  // On the strand: moves the result out of the frame, which is destroyed next.
  virtual void take(task_core& core, task_end end) noexcept = 0;
  // On the strand, after the frame is destroyed. May destroy *this.
  virtual void deliver(task_core& core) noexcept = 0;
};

// Creates the control block of `work` and launches it. On a runtime that ends,
// or without memory, `work` is destroyed and the error thrown.
WEIR_API task_ref start_root(runtime_core& runtime,
                             unstarted work,
                             root_task& owner);

// How a root task ended, as an exception; null for a value.
WEIR_API std::exception_ptr take_root_error(task_core& core,
                                            task_end end) noexcept;

// --- runtime::run -----------------------------------------------------------

// A thread outside of the runtime that waits for one task.
class blocking_wait final {
public:
  WEIR_API explicit blocking_wait(runtime_core& runtime);
  blocking_wait(const blocking_wait&) = delete;
  blocking_wait& operator=(const blocking_wait&) = delete;
  WEIR_API ~blocking_wait();

  // Any thread. *this may be destroyed before the call returns.
  WEIR_API void done() noexcept;
  bool is_done() noexcept;
  // The waiting thread, for the task of `owner`. If the runtime is stopped
  // meanwhile, this thread helps to destroy the frames of that task.
  WEIR_API void wait(const task_owner& owner);
  // Wakes wait(), which then checks whether it can help.
  void poke() noexcept;

  blocking_wait* next = nullptr; // guarded by the runtime's lock

private:
  runtime_core& runtime_;
  sync::mutex mutex_;
  condition_variable changed_;
  bool done_ = false;
};

template <typename T>
class run_root final : public root_task {
  using promise_type = typename task<T>::promise_type;

public:
  explicit run_root(runtime_core& runtime) : waiting_(runtime) {}

  T wait() {
    waiting_.wait(*this);
    return result_->get();
  }

private:
  void take(task_core& core, task_end end) noexcept override {
    if (std::exception_ptr error = take_root_error(core, end)) {
      result_.emplace(std::move(error));
      return;
    }
    auto& promise = static_cast<promise_type&>(*core.root());
    try {
      result_.emplace(std::in_place,
                      [&]() -> T { return promise.take_value(); });
    } catch (...) {
      result_.emplace(std::current_exception());
    }
  }
  void deliver(task_core&) noexcept override { waiting_.done(); }

  blocking_wait waiting_;
  std::optional<outcome<T>> result_;
};

// --- co_spawn ---------------------------------------------------------------

// The completion argument for a task's result. A handler is called with one
// even when the task failed, so it must be default-constructible.
template <typename T>
struct spawn_value {
  using type = std::
      conditional_t<std::is_default_constructible_v<T>, T, std::optional<T>>;
};
template <typename T>
struct spawn_value<T&> {
  using type = T*;
};

template <typename T>
struct spawn_signature {
  using type = void(std::exception_ptr, typename spawn_value<T>::type);
};
template <>
struct spawn_signature<void> {
  using type = void(std::exception_ptr);
};

// A handler made from asio::detached, however it is bound.
template <typename Handler>
struct is_detached
    : std::is_same<Handler,
                   typename asio::async_result<
                       asio::detached_t,
                       void(std::exception_ptr)>::completion_handler_type> {};
template <typename Handler, typename Slot>
struct is_detached<asio::cancellation_slot_binder<Handler, Slot>>
    : is_detached<Handler> {};
template <typename Handler, typename Executor>
struct is_detached<asio::executor_binder<Handler, Executor>>
    : is_detached<Handler> {};
template <typename Handler, typename Allocator>
struct is_detached<asio::allocator_binder<Handler, Allocator>>
    : is_detached<Handler> {};

// Passes an exception that no handler receives to the runtime's hook.
WEIR_API void report_unhandled(task_core& core,
                               const std::exception_ptr& error,
                               bool cancelled) noexcept;

template <typename T, typename Handler>
class spawn_root final : public root_task,
                         public cached_if_fits<spawn_root<T, Handler>> {
  using promise_type = typename task<T>::promise_type;
  using value_type =
      typename spawn_value<std::conditional_t<std::is_void_v<T>, int, T>>::type;
  using executor_type = asio::associated_executor_t<Handler, executor>;
  using memory = completion_memory<completion_size<executor_type>()>;

public:
  spawn_root(Handler&& handler, const executor& fallback)
      : work_(asio::get_associated_executor(handler, fallback)),
        handler_(std::move(handler)) {}

  static void start(Handler&& handler, const executor& on, task<T>&& work) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    // What may throw comes first.
    canceller* cancels = nullptr;
    if (slot.is_connected())
      cancels = &slot.template emplace<canceller>();
    auto* self = new spawn_root(std::move(handler), on);
    task_ref core;
    try {
      core = start_root(
          executor_access::runtime(on), unstarted(std::move(work)), *self);
    } catch (const std::bad_alloc&) {
      delete self; // Nothing was started: the caller gets the exception.
      throw;
    } catch (...) {
      self->error_ = std::current_exception();
      self->post_handler();
      return;
    }
    // The task may have ended meanwhile. A request is then allowed, without
    // effect.
    if (cancels != nullptr) {
      cancels->core = std::move(core);
      cancels->root = self;
    }
  }

  // The task that called co_spawn(): most likely it awaits this one, itself or
  // in an awaitable, and is therefore destroyed after it.
  task_core* maker() const noexcept override { return maker_.get(); }

private:
  struct canceller {
    void operator()(asio::cancellation_type type) noexcept {
      if (!core)
        return;
      if constexpr (task_handler<Handler>)
        // The awaiting task parks. It would wait for the end of this task,
        // which waits until the awaiting task has parked.
        if (this_task_parks_on(core->runtime())) {
          std::exchange(core, task_ref());
          root->drop_handler();
          return;
        }
      core->whole().request(type);
    }
    task_ref core; // null: it was not started, or its handler is dropped
    // Nothing else deletes it while the handler waits: a posted completion runs
    // on the strand on which the canceller is called.
    spawn_root* root = nullptr;
  };

  // On the strand of the task whose handler it is.
  void drop_handler() noexcept {
    std::optional<Handler> dropped; // destroyed without the lock
    std::lock_guard held(lock_);
    if (!std::exchange(is_handler_gone_, true))
      dropped.emplace(std::move(handler_));
  }

  void take(task_core& core, task_end end) noexcept override {
    cancelled_ = core.cancelled() != asio::cancellation_type::none;
    error_ = take_root_error(core, end);
    if constexpr (!std::is_void_v<T>) {
      if (error_)
        return;
      auto& promise = static_cast<promise_type&>(*core.root());
      try {
        if constexpr (std::is_reference_v<T>)
          value_ = std::addressof(promise.take_value());
        else
          value_.emplace(promise.take_value());
      } catch (...) {
        error_ = std::current_exception();
      }
    }
  }

  void deliver(task_core& core) noexcept override {
    if constexpr (is_detached<Handler>::value)
      if (error_)
        report_unhandled(core, error_, cancelled_);
    if constexpr (task_handler<Handler>) {
      bool is_gone = false;
      {
        std::lock_guard held(lock_);
        is_gone = std::exchange(is_handler_gone_, true);
      }
      if (is_gone) {
        delete this;
        return;
      }
    }
    post_handler();
  }

  // Owns the root of a task that has ended, and deletes it even if the function
  // is not called: an execution context that is destroyed first drops the
  // function.
  struct completion {
    using allocator_type = typename memory::allocator_type;
    explicit completion(spawn_root* s) noexcept : self(s) {}
    completion(completion&& other) noexcept
        : self(std::exchange(other.self, nullptr)) {}
    ~completion() { delete self; }
    // Never called on a completion that was moved from.
    allocator_type get_allocator() const noexcept {
      return self->memory_.allocator();
    }
    // On the handler's executor.
    void operator()() {
      Handler handler(std::move(self->handler_));
      std::exception_ptr error(std::move(self->error_));
      value_type value = self->take_value(error);
      // The memory goes back before the handler may ask for it again.
      delete std::exchange(self, nullptr);
      if constexpr (std::is_void_v<T>)
        std::move(handler)(std::move(error));
      else
        std::move(handler)(std::move(error), std::move(value));
    }
    spawn_root* self;
  };

  // Gives up the ownership of *this.
  void post_handler() noexcept {
    auto work = std::move(work_);
    asio::post(work.get_executor(), completion(this));
  }

  // A value that throws when it is moved is an error.
  value_type take_value(std::exception_ptr& error) {
    if constexpr (std::is_void_v<T>) {
      return 0;
    } else if constexpr (std::is_reference_v<T>) {
      return value_;
    } else {
      try {
        if (value_)
          return value_type(std::move(*value_));
      } catch (...) {
        error = std::current_exception();
      }
      return value_type();
    }
  }

  asio::executor_work_guard<executor_type> work_;
  Handler handler_;
  std::exception_ptr error_;
  std::conditional_t<
      std::is_reference_v<T>,
      value_type,
      std::optional<std::conditional_t<std::is_void_v<T>, int, T>>>
      value_{};
  [[no_unique_address]] memory memory_; // for the posted function
  bool cancelled_ = false;
  bool is_handler_gone_ = false; // under lock_; posted, or dropped
  spin_lock lock_;
  const task_ref maker_{is_detached<Handler>::value ? nullptr : current_task()};
};

struct initiate_spawn {
  // By value: an lvalue handler is copied, as by Asio's own operations.
  template <typename Handler, typename T>
  void operator()(Handler handler, const executor& on, task<T> work) const {
    spawn_root<T, Handler>::start(std::move(handler), on, std::move(work));
  }
};

} // namespace weir::detail
