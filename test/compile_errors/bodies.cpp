// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "prelude.hpp"

weir::task<> bodies() {
  // error: the body returns void: make it a coroutine that returns weir::task<>
#ifdef a_body_returns_void
  co_await weir::with_task_group({}, [](weir::task_group&) {});
#else
  co_await weir::with_task_group(
      {}, [](weir::task_group&) -> weir::task<> { co_return; });
#endif

  // error: the body does not return a task: make it a coroutine that returns
  // weir::task<T>
#ifdef a_body_returns_a_value
  int n = co_await weir::with_task_group({.max_in_flight = 2},
                                         [](weir::task_group&) { return 1; });
#else
  int n = co_await weir::with_task_group(
      {.max_in_flight = 2},
      [](weir::task_group&) -> weir::task<int> { co_return 1; });
#endif
  (void)n;

  // error: the body returns an asio::awaitable: make it return a weir::task, or
  // use with_task_group(executor, options, body) in a coroutine of Asio
#ifdef a_body_in_a_task_is_an_awaitable
  co_await weir::with_task_group(
      {}, [](weir::task_group&) -> asio::awaitable<void> { co_return; });
#endif

  // error: the body must be callable with one argument, a reference to the new
  // group or queue
#ifdef a_body_takes_nothing
  co_await weir::with_task_group({}, work);
#endif

  // error: the body is called by weir: pass the coroutine function, not the
  // task that it returns
#ifdef a_body_is_a_task
  co_await weir::with_task_group({}, work());
#endif

  // error: the options are missing, which come before the body or the function:
  // give {} for the defaults
#ifdef a_group_has_no_options
  co_await weir::with_task_group(
      [](weir::task_group&) -> weir::task<> { co_return; });
#endif

  // error: the body returns void: make it a coroutine that returns weir::task<>
#ifdef a_body_with_results_returns_void
  auto results = co_await weir::with_result_group<int>(
      {}, [](weir::result_group<int>&) {});
#else
  auto results = co_await weir::with_result_group<int>(
      {}, [](weir::result_group<int>&) -> weir::task<> { co_return; });
#endif

  // error: the options are missing, which come before the body or the function:
  // give {} for the defaults
#ifdef a_result_group_has_no_options
  co_await weir::with_result_group<int>(
      [](weir::result_group<int>&) -> weir::task<> { co_return; });
#endif

  // error with g++ 12: g++ 12 destroys this callable twice inside a co_await
  // expression. Capture by reference, pass what it captures as arguments, or
  // name the callable and pass it as an lvalue
#ifdef a_body_is_a_temporary_closure
  std::string text;
  co_await weir::with_task_group(
      {},
      // check_source: allow: the mistake
      [text](weir::task_group&) -> weir::task<> { co_return; });
#else
  std::string text;
  co_await weir::with_task_group(
      {}, [&](weir::task_group&) -> weir::task<> { co_return; });
#endif
}

asio::awaitable<void> bodies_in_asio(weir::runtime& runtime) {
  const weir::executor ex = runtime.get_executor();
  // error: with an executor before the options the body returns an
  // asio::awaitable: leave the executor out for one that returns a weir::task
#ifdef a_body_in_an_awaitable_is_a_task
  co_await weir::with_task_group(
      ex, {}, [](weir::task_group&) -> weir::task<> { co_return; });
#else
  co_await weir::with_task_group(
      ex, {}, [](weir::task_group&) -> asio::awaitable<void> { co_return; });
#endif
}

weir::task<> queues(weir::runtime& runtime) {
  auto handle = [](int) -> weir::task<> { co_return; };
  auto body = [](weir::work_queue<int>& jobs) -> weir::task<> {
    co_await jobs.push(1);
  };
  co_await weir::with_work_queue<int>({}, handle, body);

  // error: the body returns void: make it a coroutine that returns weir::task<>
#ifdef a_body_with_a_queue_returns_void
  co_await weir::with_work_queue<int>(
      {}, handle, [](weir::work_queue<int>&) {});
#endif

  // error: weir::work_queue: the function must be callable with an item, T&&
#ifdef a_queue_has_a_function_of_other_items
  co_await weir::with_work_queue<int>({}, work_on, body);
#endif

  // error: weir::work_queue: the function must be callable with an item, T&&
#ifdef a_bare_queue_has_a_function_of_other_items
  weir::work_queue<int> jobs(runtime, {}, work_on);
#else
  weir::work_queue<int> jobs(runtime, {}, handle);
#endif

  // error: weir::work_queue: the function must be callable with a state and an
  // item, (State&, T&&)
#ifdef a_queue_with_states_has_a_function_without
  weir::work_queue<int> with_states(
      runtime, {}, [] { return std::string(); }, handle);
#else
  weir::work_queue<int> with_states(
      runtime,
      {},
      [] { return std::string(); },
      [](std::string&, int) -> weir::task<> { co_return; });
#endif

  // error: weir::work_queue: the function that makes a state must take no
  // argument, and return an object or a weir::task of one
#ifdef a_state_is_made_of_nothing
  weir::work_queue<int> stateless(runtime, {}, plain, handle);
#endif

  // error: weir::work_queue::push: no item can be made of these arguments
#ifdef another_item_is_pushed
  co_await jobs.push(std::string());
#else
  co_await jobs.push(1);
#endif
}
