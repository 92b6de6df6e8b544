// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "prelude.hpp"

weir::task<> awaits() {
  // error: a task is awaited or spawned once: move it, std::move(t)
#ifdef a_named_task_is_awaited
  weir::task<int> t = gives();
  int n = co_await t;
#else
  weir::task<int> t = gives();
  int n = co_await std::move(t);
#endif
  (void)n;

  // error: an operation and an asio::awaitable are awaited or spawned once:
  // move it, std::move(op)
#ifdef a_named_operation_is_awaited
  auto sleep = weir::sleep_for(1ms);
  co_await sleep;
#else
  auto sleep = weir::sleep_for(1ms);
  co_await std::move(sleep);
#endif

  // error: an operation and an asio::awaitable are awaited or spawned once:
  // move it, std::move(op)
#ifdef a_named_awaitable_is_awaited
  auto old = old_code();
  n = co_await old;
#else
  auto old = old_code();
  n = co_await std::move(old);
#endif

  // error: nobody would resume the task after std::suspend_always: await
  // weir::checkpoint() to let other tasks run
#ifdef suspend_always_is_awaited
  co_await std::suspend_always();
#else
  co_await std::suspend_never();
#endif

  // error: a duration cannot be awaited: await weir::sleep_for() of it
#ifdef a_duration_is_awaited
  co_await 5ms;
#else
  co_await weir::sleep_for(5ms);
#endif

  // error: a task cannot await a future, which can only block a thread: wait
  // for it in weir::offload(), or start the operation with asio::deferred
#ifdef a_future_is_awaited
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  co_await timer.async_wait(asio::use_future);
#else
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  co_await timer.async_wait(asio::deferred);
  co_await timer.async_wait(asio::use_awaitable);
#endif

  // error: this awaitable is for the coroutines of its own library: its
  // await_suspend() does not take the coroutine handle of a task, or it lacks
  // await_resume()
#ifdef an_awaiter_for_other_coroutines_is_awaited
  co_await its_own();
#else
  n = co_await event();
#endif

  // error: a callable cannot be awaited: call it, and await what it returns
#ifdef a_function_is_awaited
  co_await gives;
#else
  n = co_await gives();
#endif

  // error: a task cannot await this: co_await takes a weir::task, an operation
  // of weir, an Asio operation made with asio::deferred, an asio::awaitable or
  // a standard awaiter
#ifdef zero_is_awaited
  co_await 0;
#endif

  // error: a task cannot await this: co_await takes a weir::task, an operation
  // of weir, an Asio operation made with asio::deferred, an asio::awaitable or
  // a standard awaiter
#ifdef what_converts_to_bool_is_awaited
  co_await std::shared_ptr<int>();
#endif

  // error: a task cannot await this: co_await takes a weir::task, an operation
  // of weir, an Asio operation made with asio::deferred, an asio::awaitable or
  // a standard awaiter
#ifdef an_empty_result_is_used
  std::string text = co_await std::optional<int>();
#endif
}

asio::awaitable<void> awaits_in_asio(weir::runtime& runtime) {
  // error: an asio::awaitable cannot await a weir::task itself: use co_await
  // weir::co_spawn(ex, task, asio::use_awaitable), with the executor of a
  // weir::runtime
#ifdef a_task_is_awaited_in_an_awaitable
  co_await work();
#else
  co_await weir::co_spawn(runtime, work(), asio::use_awaitable);
#endif
}
