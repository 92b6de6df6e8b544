// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/error.hpp>

#include "abort.hpp"
#include "outcome.hpp"
#include "promise.hpp"

#include <coroutine>
#include <exception>
#include <utility>

namespace weir::detail {

// Hands frames over between task<T> and the engine.
struct task_access {
  template <typename T>
  static auto release(task<T>& t) noexcept {
    return std::exchange(t.frame_, nullptr);
  }
  template <typename T>
  static const char* name(const task<T>& t) noexcept {
    return t.name_;
  }
  template <typename T>
  static void set_name(task<T>& t, const char* name) noexcept {
    t.name_ = name;
  }
  // Awaiting it is no cancellation point: what it runs decides.
  template <typename T>
  static task<T> unchecked(task<T>&& t) noexcept {
    t.checks_ = false;
    return std::move(t);
  }
  template <typename T>
  static bool checks(const task<T>& t) noexcept {
    return t.checks_;
  }
};

// A task that is handed to its owner, type-erased and not started.
struct unstarted {
  template <typename T>
  explicit unstarted(task<T>&& t) noexcept
      : name(task_access::name(t)), root(&task_access::release(t).promise()) {}

  const char* name;
  promise_base* root;
};

// Throws std::invalid_argument.
WEIR_API [[noreturn]] void throw_empty_task();

// Owns the awaited child and links it to the awaiting coroutine.
template <typename T>
class await_child : public task_awaiter_base {
public:
  using promise_type = typename task<T>::promise_type;

  [[gnu::always_inline]] explicit await_child(task<T>&& t) {
    auto frame = task_access::release(t);
    if (!frame) [[unlikely]]
      throw_empty_task();
    child = &frame.promise();
  }
  // Of a child that does not exist, because this was thrown instead.
  explicit await_child(std::exception_ptr&& thrown) noexcept {
    error = std::move(thrown);
  }
  await_child(const await_child&) = delete;
  await_child& operator=(const await_child&) = delete;
  [[gnu::always_inline]] ~await_child() {
    if (child != nullptr)
      child->handle().destroy();
  }

protected:
  // Suspends the coroutine of `p`, of the task `self`, until the child has
  // ended.
  void start(promise_base& p, task_core& self) noexcept {
    core = &self;
    parent = &p;
    child->attach(*this);
    self.resume_next(*child);
    (void)self.gives_way();
  }
  T take_value() { return static_cast<promise_type*>(child)->take_value(); }
};

// `co_await task`: the child runs on the same strand, at once.
template <typename T>
class await_task final : public await_child<T> {
public:
  [[gnu::always_inline]] explicit await_task(task<T>&& t)
      : await_child<T>(std::move(t)), checks_(task_access::checks(t)) {}
  [[gnu::always_inline]] ~await_task() {}

  bool await_ready() const noexcept { return false; }

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    promise_base& p = h.promise();
    task_core& self = *p.core();
    if (self.has_to_look()) [[unlikely]]
      return look_and_start(p, self);
    this->start(p, self);
    return true;
  }

  T await_resume() {
    if (aborted_) [[unlikely]]
      throw_aborted();
    if (this->error) [[unlikely]]
      rethrow(this->error);
    return this->take_value();
  }

private:
  // Not inline: it would cost the other path registers.
  [[gnu::noinline]] bool look_and_start(promise_base& p,
                                        task_core& self) noexcept {
    if (self.must_abort() && (checks_ || self.parks()))
      return abort_from(p, aborted_);
    this->start(p, self);
    return true;
  }

  bool checks_;
  bool aborted_ = false;
};

// What an outcome reports for an abandoned task. stopped: as for a task that
// was stopped, which the caller passes on. failed: an error, for a caller that
// waits for several tasks.
enum class if_abandoned : unsigned char { stopped, failed };

template <typename T>
class await_outcome final : public await_child<T> {
public:
  await_outcome(task<T>&& t, if_abandoned says)
      : await_child<T>(std::move(t)), says_(says) {
    this->intercepts = true;
  }
  explicit await_outcome(std::exception_ptr&& thrown) noexcept
      : await_child<T>(std::move(thrown)), says_(if_abandoned::failed) {}

  // There is nothing to run.
  bool await_ready() const noexcept { return this->child == nullptr; }

  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    promise_base& p = h.promise();
    task_core& self = *p.core();
    if (self.is_abandoned()) // Not because of the child.
      says_ = if_abandoned::stopped;
    if (self.has_to_look() && self.must_abort() && self.parks()) [[unlikely]]
      self.stop();
    else
      this->start(p, self);
  }

  outcome<T> await_resume() {
    if (this->error)
      return outcome<T>(std::move(this->error));
    if (this->child == nullptr) {
      if (says_ == if_abandoned::failed && this->core->is_abandoned())
        return outcome<T>(error_of(errc::task_abandoned));
      return outcome<T>::stopped();
    }
    // A value that throws when it is moved is an error of the child as well: a
    // coroutine that awaits an outcome must continue in each case.
    try {
      return outcome<T>(std::in_place,
                        [this]() -> T { return this->take_value(); });
    } catch (...) {
      return outcome<T>(std::current_exception());
    }
  }

private:
  if_abandoned says_;
};

// Runs a task to its end, however it ends. Throws only if the task is empty.
// Not a cancellation point: the child's own awaits are. Instead of a task it
// may have what was thrown when one should have been made.
template <typename T>
class outcome_of final : public native_awaitable_tag {
public:
  explicit outcome_of(task<T>&& t,
                      if_abandoned says = if_abandoned::stopped) noexcept
      : task_(std::move(t)), says_(says) {}
  explicit outcome_of(std::exception_ptr&& thrown) noexcept
      : thrown_(std::move(thrown)) {}
  await_outcome<T> awaiter() && {
    if (thrown_)
      return await_outcome<T>(std::move(thrown_));
    return await_outcome<T>(std::move(task_), says_);
  }

private:
  task<T> task_;
  std::exception_ptr thrown_;
  if_abandoned says_ = if_abandoned::failed;
};

// Passes on that a child was stopped: this frame is unwound too.
class pass_on_stop final : public plain_awaiter<pass_on_stop> {
public:
  pass_on_stop() noexcept {}
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
    h.promise().core()->stop();
  }
  void await_resume() const noexcept {}
};

} // namespace weir::detail
