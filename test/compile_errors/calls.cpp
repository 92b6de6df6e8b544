// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// run(), co_spawn(), offload(), single_flight.

#include <weir/testing/deterministic_runtime.hpp>

#include "prelude.hpp"

void runs(weir::runtime& runtime,
          weir::testing::deterministic_runtime& deterministic) {
  // error: this takes a weir::task alone: call the coroutine function, and pass
  // what it returns
#ifdef a_function_is_run
  int n = runtime.run(gives);
#else
  int n = runtime.run(gives());
#endif
  (void)n;

  // error: this takes a weir::task alone: await the operation or the
  // asio::awaitable in a coroutine that returns weir::task<T>
#ifdef an_awaitable_is_run
  runtime.run(old_code());
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_run
  runtime.run(plain);
#else
  runtime.run(work());
#endif

  // error: this takes a weir::task alone: call the coroutine function, and pass
  // what it returns
#ifdef a_function_is_run_deterministically
  deterministic.run(work);
#else
  deterministic.run(work());
#endif

  // note: task(const task&) = delete; // a task is awaited or spawned once:
  // move it
#ifdef a_named_task_is_run
  auto named = work();
  runtime.run(named);
#else
  auto named = work();
  runtime.run(std::move(named));
#endif
}

void spawns(weir::runtime& runtime, asio::io_context& io) {
  // error: this takes a weir::task alone: call the coroutine function, and pass
  // what it returns
#ifdef a_function_is_co_spawned
  weir::co_spawn(runtime, work, asio::detached);
#else
  weir::co_spawn(runtime, work(), asio::detached);
#endif

  // error: this is nothing to run: pass a weir::task, an asio::awaitable, an
  // operation of weir, an Asio operation made with asio::deferred, or a
  // callable that takes the arguments and returns one of these
#ifdef a_number_is_co_spawned
  weir::co_spawn(runtime.get_executor(), 42, asio::detached);
#else
  weir::co_spawn(runtime.get_executor(), work(), asio::detached);
#endif

  // error: weir::co_spawn: the first argument must be a weir::runtime or its
  // executor
#ifdef a_task_is_co_spawned_on_an_io_context
  weir::co_spawn(io, work(), asio::detached);
#else
  asio::co_spawn(io, old_code(), asio::detached);
#endif

  // error: weir::co_spawn: the first argument must be a weir::runtime or its
  // executor
#ifdef a_task_is_co_spawned_on_the_executor_of_an_io_context
  co_spawn(io.get_executor(), work(), asio::detached);
#endif

  // error: weir::co_spawn: one completion token comes last, as asio::detached
  // or asio::use_future
#ifdef a_task_is_co_spawned_without_a_token
  weir::co_spawn(runtime, work());
#else
  int n = weir::co_spawn(runtime, gives(), asio::use_future).get();
  (void)n;
#endif
}

// weir's function, which argument-dependent lookup also finds, does not take
// over calls of Asio's function.
void spawns_on_asio(weir::runtime& runtime) {
  using asio::co_spawn;
  co_spawn(runtime.get_executor(), old_code(), asio::detached);
  co_spawn(runtime.get_executor(), old_code, asio::detached);
}

asio::awaitable<void> spawns_in_asio(asio::io_context& io) {
  // error: weir::co_spawn: the first argument must be a weir::runtime or its
  // executor
#ifdef a_task_is_awaited_on_an_io_context
  co_await weir::co_spawn(io, work(), asio::use_awaitable);
#else
  co_await asio::co_spawn(io, old_code(), asio::use_awaitable);
#endif
}

weir::task<> offloads(weir::blocking_pool& pool) {
  // error: weir::offload: a weir::blocking_pool comes first, then the function
  // and its arguments
#ifdef the_pool_is_missing
  int n = co_await weir::offload(plain_value);
#else
  int n = co_await weir::offload(pool, plain_value);
#endif

  // error: weir::offload: a thread of the pool can only call a function: a task
  // is awaited or spawned
#ifdef a_task_is_offloaded
  co_await weir::offload(pool, work());
#endif

  // error: weir::offload: the function returns something that must be awaited:
  // spawn it instead, a thread of the pool can only call it
#ifdef a_coroutine_function_is_offloaded
  co_await weir::offload(pool, work);
#endif

  // error: weir::offload: the function takes an argument by reference, but it
  // is given copies: take it by value, or pass std::ref() of what outlives the
  // call
#ifdef an_offloaded_function_takes_a_reference
  co_await weir::offload(pool, by_reference, n);
#else
  co_await weir::offload(pool, by_reference, std::ref(n));
#endif

  // error: weir::offload: the function does not take these arguments: it is
  // given copies of them, as rvalues
#ifdef an_offloaded_function_takes_others
  n = co_await pool.run(plain_value, 1);
#else
  n = co_await pool.run(plain_value);
#endif

  // error with g++ 12: g++ 12 destroys this callable twice inside a co_await
  // expression. Capture by reference, pass what it captures as arguments, or
  // name the callable and pass it as an lvalue
#ifdef a_temporary_closure_is_offloaded
  std::string text;
  // check_source: allow: the mistake
  co_await weir::offload(pool, [text] {});
#else
  std::string text;
  co_await weir::offload(
      pool, [](std::string) {}, text);
#endif
}

weir::task<> flies(weir::single_flight<std::string, int>& flights) {
  // error: the call may be shared, so it is not begun yet: pass the coroutine
  // function and its arguments, not the task
#ifdef a_task_is_shared
  (void)co_await flights.run("key", gives());
#else
  (void)co_await flights.run("key", gives);
#endif

  // error: the callable returns a value that cannot be awaited: make it a
  // coroutine that returns weir::task<T>, or wrap it in weir::offload if it
  // blocks
#ifdef a_plain_function_is_shared
  (void)co_await flights.run("key", plain_value);
#endif

  // error: weir::single_flight::run: the first argument must convert to the
  // key, then comes the callable
#ifdef the_key_is_missing
  (void)co_await flights.run(gives);
#endif

  // error: the callable is missing
#ifdef the_callable_is_missing
  (void)co_await flights.run("key");
#endif

  // error with g++ 12: g++ 12 destroys this callable twice inside a co_await
  // expression. Capture by reference, pass what it captures as arguments, or
  // name the callable and pass it as an lvalue
#ifdef a_temporary_closure_is_shared
  std::string text;
  (void)co_await flights.run("key",
                             // check_source: allow: the mistake
                             [text]() -> weir::task<int> { co_return 1; });
#endif
}
