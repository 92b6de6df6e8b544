// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "frame_cache.hpp"
#include "task_core.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir {

template <typename T>
class task;

namespace detail {

// The part of an awaiting expression that the awaited task must find: whom to
// resume when it ends, and what to do when it is stopped. Lives in the
// awaiting coroutine's frame.
struct task_awaiter_base {
  promise_base* parent = nullptr; // the awaiting coroutine
  std::coroutine_handle<> child;  // null once it was stopped
  bool intercepts = false;        // resume `parent` when `child` is stopped
};

// Prints a message and calls std::terminate.
[[noreturn]] void thrown_by_a_destructor() noexcept;

// What the coroutine frames of every task<T> share. On the task's strand.
class promise_base {
public:
  promise_base() = default;
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;

  static void* operator new(std::size_t size) { return cache_allocate(size); }
  static void operator delete(void* p, std::size_t size) noexcept {
    cache_deallocate(p, size);
  }

  // A frame does not transfer to the next one: it tells the run loop what to
  // resume. g++ turns symmetric transfer into recursion at -O0 and under the
  // sanitizers, and a chain of synchronous completions is unbounded.
  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
      promise_base& self = h.promise();
      if (self.awaiter_ != nullptr)
        self.core_->resume_next(self.awaiter_->parent->self_);
      else
        self.core_->end_root(self.error_ ? task_end::threw
                                         : task_end::returned);
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept {
    if (!self_) [[unlikely]]
      thrown_by_a_destructor();
    error_ = std::current_exception();
  }

  // Destroys a suspended frame, and its locals with it. What one of their
  // destructors throws would have the coroutine end once more, in a frame that
  // is gone: it ends the process.
  void destroy() noexcept { std::exchange(self_, nullptr).destroy(); }

  task_core* core() const noexcept { return core_; }
  std::coroutine_handle<> handle() const noexcept { return self_; }
  task_awaiter_base* awaiter() const noexcept { return awaiter_; }

  // As the root of a task.
  void attach(task_core& core) noexcept { core_ = &core; }
  // As what another coroutine of the task awaits.
  void attach(task_awaiter_base& awaiter) noexcept {
    awaiter_ = &awaiter;
    core_ = awaiter.parent->core_;
  }

  std::exception_ptr take_error() noexcept {
    return std::exchange(error_, nullptr);
  }

protected:
  ~promise_base() = default;

  task_core* core_ = nullptr;
  task_awaiter_base* awaiter_ = nullptr; // null at the root
  std::coroutine_handle<> self_;         // null while it is destroyed
  std::exception_ptr error_;
};

// The result of a task, kept where it was returned.
template <typename T>
class promise_result {
public:
  template <typename U = T>
  requires std::is_constructible_v<T, U&&>
  void
  return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    value_.emplace(std::forward<U>(value));
  }
  T take_value() { return std::move(*value_); }

private:
  std::optional<T> value_;
};

template <typename T>
class promise_result<T&> {
public:
  void return_value(T& value) noexcept { value_ = std::addressof(value); }
  T& take_value() noexcept { return *value_; }

private:
  T* value_ = nullptr;
};

template <>
class promise_result<void> {
public:
  void return_void() const noexcept {}
  void take_value() const noexcept {}
};

} // namespace detail
} // namespace weir
