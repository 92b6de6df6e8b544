// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>

#include "await_asio.hpp"
#include "explain.hpp"

#include <coroutine>
#include <type_traits>
#include <utility>

namespace weir::detail {

// A coroutine that stands in for the task's: the awaiter gets its handle. When
// it is resumed, on any thread, it completes the wait and is destroyed; the
// task continues on its own strand. When it is destroyed instead, it reports to
// the wait that it was dropped.
class resumer {
public:
  class promise_type;
  using handle = std::coroutine_handle<promise_type>;

  class promise_type : public cached<promise_type> {
  public:
    explicit promise_type(asio_wait& wait) noexcept : wait_(&wait) {}
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;
    ~promise_type() {
      if (wait_ != nullptr)
        wait_->dropped();
    }

    resumer get_return_object() noexcept {
      return resumer(handle::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() noexcept {
      std::exchange(wait_, nullptr)->completed(false);
      // *wait may be destroyed.
    }
    void unhandled_exception() const noexcept {}

  private:
    asio_wait* wait_;
  };

  WEIR_API static resumer of(asio_wait& wait);

  handle get() const noexcept { return handle_; }

private:
  explicit resumer(handle h) noexcept : handle_(h) {}

  handle handle_;
};

template <typename Awaitable>
decltype(auto) awaiter_of(Awaitable&& a) {
  if constexpr (requires { static_cast<Awaitable&&>(a).operator co_await(); })
    return static_cast<Awaitable&&>(a).operator co_await();
  else if constexpr (has_co_await<Awaitable>)
    return operator co_await(static_cast<Awaitable&&>(a));
  else
    return static_cast<Awaitable&&>(a);
}

// A standard awaiter, or an object that operator co_await turns into one, that
// does not require a coroutine of its own library.
template <typename T>
concept foreign_awaitable =
    !is_task<std::remove_cvref_t<T>>::value &&
    !is_operation<std::remove_cvref_t<T>>::value &&
    !is_awaitable<std::remove_cvref_t<T>>::value && !native_awaitable<T> &&
    !std::is_same_v<std::remove_cvref_t<T>, std::suspend_always> &&
    foreign_coroutine<T> && !asio_operation<T> &&
    requires(std::remove_reference_t<decltype(awaiter_of(std::declval<T>()))> &
                 a,
             resumer::handle h) {
  static_cast<bool>(a.await_ready());
  a.await_suspend(h);
  a.await_resume();
};

// `co_await` of such an awaitable in a task: its functions are called on the
// task's strand, and only its own resumption ends the wait.
template <typename Awaitable>
class await_foreign final : public asio_wait {
  static_assert(safe_argument_in_co_await<Awaitable>,
                "g++ 12 destroys an aggregate temporary twice inside a "
                "co_await expression: name the awaitable, and await it as an "
                "lvalue or by std::move()");

public:
  explicit await_foreign(Awaitable&& a)
      : asio_wait(foreign), awaiter_(awaiter_of(std::forward<Awaitable>(a))) {}

  bool await_ready() const noexcept { return false; }

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return suspend(*h.promise().core(), [this] {
      if (awaiter_.await_ready())
        completed(false);
      else
        suspend_with(resumer::of(*this).get());
    });
  }

  decltype(auto) await_resume() {
    finish();
    return awaiter_.await_resume();
  }

private:
  void suspend_with(resumer::handle resumer) {
    using result = decltype(awaiter_.await_suspend(resumer));
    try {
      if constexpr (std::is_void_v<result>)
        awaiter_.await_suspend(resumer);
      else if constexpr (std::is_convertible_v<result, std::coroutine_handle<>>)
        awaiter_.await_suspend(resumer).resume();
      else if (!awaiter_.await_suspend(resumer))
        resumer.resume();
    } catch (...) {
      if (!has_ended_inline())
        resumer.destroy();
      throw;
    }
  }

  decltype(awaiter_of(std::declval<Awaitable>())) awaiter_;
};

} // namespace weir::detail
