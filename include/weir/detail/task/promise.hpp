// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/frame_cache.hpp>

#include "explain.hpp"
#include "task_core.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
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

// The part of an awaiting expression that the awaited task must find: which
// coroutine to resume when it ends, and what to do when it is stopped. Lives in
// the awaiting coroutine's frame.
struct task_awaiter_base {
  task_core* core;               // from the suspension on
  promise_base* parent;          // the awaiting coroutine, as above
  promise_base* child = nullptr; // null once it was stopped
  std::exception_ptr error;      // what `child` threw
  bool intercepts = false;       // resume `parent` when `child` is stopped
};

// Prints a message and calls std::terminate.
WEIR_API [[noreturn]] void thrown_by_a_destructor() noexcept;
// Throws std::logic_error: a coroutine ended without a value.
WEIR_API [[noreturn]] void throw_no_value();
// Takes and throws `error`. Not inline: code that awaits a task must be small.
WEIR_API [[noreturn]] void rethrow(std::exception_ptr& error);

// What the coroutine frames of every task<T> share. On the task's strand.
class promise_base : public cached<promise_base> {
public:
  promise_base() noexcept : link_(0) {}
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;

  // A frame does not transfer to the next one: it sets what the run loop
  // resumes. g++ turns symmetric transfer into recursion at -O0 and under the
  // sanitizers, and a chain of synchronous completions is unbounded.
  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
      const promise_base& self = h.promise();
      if (const task_awaiter_base* const by = self.awaiter())
        by->core->resume_next(*by->parent);
      else if (self.is_root())
        self.root_core()->end_root(task_end::returned);
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept {
    if (task_awaiter_base* const by = awaiter()) {
      by->error = std::current_exception();
    } else if (is_root()) {
      root_core()->end_root(task_end::threw);
      ::new (&error_) std::exception_ptr(std::current_exception());
    } else {
      thrown_by_a_destructor();
    }
  }

  // Destroys a suspended frame, and its locals with it. An exception from one
  // of their destructors would end the coroutine a second time, in a frame that
  // is being destroyed: it ends the process.
  void destroy() noexcept {
    link_ = 0;
    handle().destroy();
  }

  // Of a coroutine that runs or is suspended.
  task_core* core() const noexcept {
    return is_root() ? root_core() : awaiter()->core;
  }
  // Every promise_type begins with this and is aligned as this, see task.
  std::coroutine_handle<> handle() noexcept {
    return std::coroutine_handle<promise_base>::from_promise(*this);
  }
  // Null: it is the root of a task.
  task_awaiter_base* awaiter() const noexcept {
    return (link_ & awaited) != 0
               ? reinterpret_cast<task_awaiter_base*>(link_ - awaited)
               : nullptr;
  }

  // As the root of a task.
  void attach(task_core& core) noexcept {
    link_ = reinterpret_cast<std::uintptr_t>(&core) + at_root;
  }
  // As what another coroutine of the task awaits.
  void attach(task_awaiter_base& by) noexcept {
    link_ = reinterpret_cast<std::uintptr_t>(&by) + awaited;
  }

  // Of a root that threw, once.
  std::exception_ptr take_error() noexcept {
    std::exception_ptr error(std::move(error_));
    std::destroy_at(&error_);
    link_ = 0;
    return error;
  }

protected:
  ~promise_base() {}

private:
  // Bits of link_ beside an address.
  static constexpr std::uintptr_t awaited = 1;
  static constexpr std::uintptr_t at_root = 2;

  bool is_root() const noexcept { return (link_ & at_root) != 0; }
  task_core* root_core() const noexcept {
    return reinterpret_cast<task_core*>(link_ - at_root);
  }

  // One word, as every frame has one. 0: it is not attached, or is being
  // destroyed. An exception has no such bits, and link_ may be read then: g++
  // and clang let a union be read as what it was not written as.
  union {
    std::uintptr_t link_;      // to the awaiter, or the root's control block
    std::exception_ptr error_; // of a root that has thrown
  };
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
};

// The result of a task, kept where it was returned. What is returned converts
// implicitly, as from a function: 5 is no std::vector<int>.
template <typename T>
class promise_result {
public:
  template <typename U = T>
  requires std::is_convertible_v<U&&, T>
  void
  return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    value_.emplace(std::forward<U>(value));
  }
  template <typename U>
  requires(!std::is_convertible_v<U&&, T>) explained return_value(U&&) {
    return explain_return<U, T>();
  }
  T take_value() {
    if (!value_) [[unlikely]]
      throw_no_value();
    return std::move(*value_);
  }

private:
  std::optional<T> value_;
};

// Frames are not aligned enough for this T, so it is aligned here.
template <typename T>
requires(alignof(T) > alignof(std::max_align_t)) class promise_result<T> {
public:
  promise_result() = default;
  promise_result(const promise_result&) = delete;
  promise_result& operator=(const promise_result&) = delete;
  ~promise_result() {
    if (value_ != nullptr)
      std::destroy_at(value_);
  }

  template <typename U = T>
  requires std::is_convertible_v<U&&, T>
  void
  return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    void* at = room_;
    std::size_t size = sizeof(room_);
    value_ = ::new (std::align(alignof(T), sizeof(T), at, size))
        T(std::forward<U>(value));
  }
  template <typename U>
  requires(!std::is_convertible_v<U&&, T>) explained return_value(U&&) {
    return explain_return<U, T>();
  }
  T take_value() {
    if (value_ == nullptr) [[unlikely]]
      throw_no_value();
    return std::move(*value_);
  }

private:
  std::byte room_[sizeof(T) + alignof(T) - 1];
  T* value_ = nullptr;
};

template <typename T>
class promise_result<T&> {
public:
  void return_value(T& value) noexcept { value_ = std::addressof(value); }
  template <typename U>
  requires(!std::is_convertible_v<U&&, T&>) explained return_value(U&&) {
    return explain_return<U, T&>();
  }
  T& take_value() {
    if (value_ == nullptr) [[unlikely]]
      throw_no_value();
    return *value_;
  }

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
