// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// Longer than others: each line of the list in explain_work.hpp has its case.

#include "prelude.hpp"

struct move_only {
  explicit move_only(int) {}
  move_only(move_only&&) = default;
};
weir::task<> takes(move_only value);

weir::task<> spawns(weir::task_group& group) {
  // error: this is nothing to run: pass a weir::task, an asio::awaitable, an
  // operation of weir, an Asio operation made with asio::deferred, or a
  // callable that takes the arguments and returns one of these
#ifdef a_number_is_spawned
  co_await group.spawn(42);
#else
  co_await group.spawn(gives());
#endif

  // error: there is nothing to run: pass a weir::task or a callable that
  // returns one
#ifdef nothing_is_spawned
  co_await group.spawn();
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_spawned
  co_await group.spawn(plain);
#else
  co_await group.spawn(work);
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_lambda_is_spawned
  co_await group.spawn([](int) {}, 1);
#else
  co_await group.spawn([](int) -> weir::task<> { co_return; }, 1);
#endif

  // error: the callable returns a value that cannot be awaited: make it a
  // coroutine that returns weir::task<T>, or wrap it in weir::offload if it
  // blocks
#ifdef a_function_with_a_value_is_spawned
  co_await group.spawn(plain_value);
#else
  co_await group.spawn(old_code);
#endif

  // error: the callable returns a reference to a task or an operation: return
  // it by value
#ifdef a_function_that_returns_a_reference_is_spawned
  co_await group.spawn([](weir::task<>* t) -> weir::task<>& { return *t; },
                       static_cast<weir::task<>*>(nullptr));
#else
  co_await group.spawn(
      [](weir::task<>* t) -> weir::task<> { return std::move(*t); },
      static_cast<weir::task<>*>(nullptr));
#endif

  // error: the callable returns an awaitable of another library: await it in a
  // coroutine that returns weir::task<T>, and pass that coroutine
#ifdef a_function_that_returns_an_awaiter_is_spawned
  co_await group.spawn([] { return event(); });
#else
  co_await group.spawn([]() -> weir::task<> { co_await event(); });
#endif

  // error: this is an awaitable of another library: await it in a coroutine
  // that returns weir::task<T>, and pass that coroutine
#ifdef an_awaiter_is_spawned
  co_await group.spawn(event());
#endif

  // error: the callable takes an argument by reference, but it is given copies
  // of the arguments that it may keep: take it by value, or pass std::ref() of
  // what outlives the child
#ifdef a_function_that_takes_a_reference_is_spawned
  int n = 0;
  co_await group.spawn(task_by_reference, n);
#else
  int n = 0;
  co_await group.spawn(task_by_reference, std::ref(n));
#endif

  // error: the callable or an argument cannot be copied into the child:
  // std::move it, or pass std::ref() of what outlives the child
#ifdef a_named_argument_that_only_moves_is_passed
  move_only value(1);
  co_await group.spawn(takes, value);
#else
  move_only value(1);
  co_await group.spawn(takes, std::move(value));
#endif

  // error: the callable takes arguments: pass them after it, or call it if it
  // is a coroutine
#ifdef the_arguments_are_missing
  co_await group.spawn(work_on);
#else
  co_await group.spawn(work_on, "text");
#endif

  // error: the callable does not take these arguments: it is given copies of
  // them, as rvalues
#ifdef the_arguments_are_others
  co_await group.spawn(work_on, 1, 2);
#else
  co_await group.spawn(work_on("text"));
#endif

  // note: task(const task&) = delete; // a task is awaited or spawned once:
  // move it
#ifdef a_named_task_is_spawned
  weir::task<int> t = gives();
  co_await group.spawn(t);
#else
  weir::task<int> t = gives();
  co_await group.spawn(std::move(t));
#endif

  // error: an operation and an asio::awaitable are awaited or spawned once:
  // move it, std::move(op)
#ifdef a_named_awaitable_is_spawned
  auto old = old_code();
  co_await group.spawn(old);
#else
  auto old = old_code();
  co_await group.spawn(std::move(old));
#endif

  // error: an operation and an asio::awaitable are awaited or spawned once:
  // move it, std::move(op)
#ifdef a_named_operation_of_asio_is_spawned
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  auto waits = timer.async_wait(asio::deferred);
  co_await group.spawn(waits);
#else
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  auto waits = timer.async_wait(asio::deferred);
  co_await group.spawn(std::move(waits));
#endif

  // error: a task, an asio::awaitable or an operation takes no arguments here:
  // pass them to the coroutine function
#ifdef a_task_gets_arguments
  co_await group.spawn(work(), 1);
#endif

  // error: spawn_options go with a task: call the coroutine function,
  // spawn(f(args...), {.weight = n})
#ifdef options_are_given_for_a_function
  co_await group.spawn(work, {.weight = 3});
#else
  co_await group.spawn(work(), {.weight = 3});
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_tried
  (void)group.try_spawn(plain);
#else
  (void)group.try_spawn(work);
#endif

  // error: this is nothing to run: pass a weir::task, an asio::awaitable, an
  // operation of weir, an Asio operation made with asio::deferred, or a
  // callable that takes the arguments and returns one of these
#ifdef a_number_is_tried_with_options
  (void)group.try_spawn(42, {.weight = 3});
#else
  (void)group.try_spawn(work(), {.weight = 3});
#endif

  // error with g++ 12: g++ 12 destroys this callable twice inside a co_await
  // expression. Capture by reference, pass what it captures as arguments, or
  // name the callable and pass it as an lvalue
#ifdef a_temporary_closure_is_spawned
  std::string text;
  // check_source: allow: the mistake
  co_await group.spawn([text]() -> weir::task<> { co_return; });
#else
  std::string text;
  auto named = [text]() -> weir::task<> { co_return; };
  co_await group.spawn(named);
#endif
}

weir::task<> of_values(weir::result_group<int>& results,
                       weir::completion_group<int>& completions,
                       weir::ordered_stream<int>& stream) {
  // error: the task gives another type than the group: await it in a task<T> of
  // the group's type
#ifdef a_task_of_another_type_is_spawned
  co_await results.spawn(gives_text());
#else
  co_await results.spawn(gives());
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_spawned_for_its_completion
  co_await completions.spawn(plain);
#else
  co_await completions.spawn(gives);
#endif

  // error: the callable returns a value that cannot be awaited: make it a
  // coroutine that returns weir::task<T>, or wrap it in weir::offload if it
  // blocks
#ifdef a_plain_function_is_submitted
  co_await stream.submit(plain_value);
#else
  co_await stream.submit(gives);
#endif

  // error: this takes a weir::task alone: call the coroutine function, and pass
  // what it returns
#ifdef a_function_is_tried_in_a_result_group
  (void)results.try_spawn(gives);
#else
  (void)results.try_spawn(gives());
#endif
}

weir::task<> starts(weir::task_group& group) {
  auto serve = [](weir::started<int>& ready) -> weir::task<> {
    ready.set(1);
    co_return;
  };
  auto generic = [](auto& ready) -> weir::task<> {
    ready.set(1);
    co_return;
  };
  int port = co_await weir::start(group, serve);
  port = co_await weir::start<int>(group, generic);
  (void)port;

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_started
  port = co_await weir::start(group, [](weir::started<int>&) {});
#endif

  // error: weir::start: the callable must take a weir::started<T>& first, then
  // the arguments as rvalues
#ifdef what_is_started_takes_other_arguments
  port = co_await weir::start(group, serve, 1);
#endif

  // error: weir::start: the callable must take a weir::started<T>& first; if it
  // is a template, name the type, start<T>(...)
#ifdef a_generic_function_is_started
  port = co_await weir::start(group, generic);
#endif

  // error: weir::start: the callable must take a weir::started<T>& first; if it
  // is a template, name the type, start<T>(...)
#ifdef what_is_started_is_not_told
  port = co_await weir::start(group, work);
#endif

  // error: weir::start: the callable is called by weir: pass the coroutine
  // function, not the task that it returns
#ifdef a_task_is_started
  port = co_await weir::start(group, work());
#endif

  // error: weir::start: the callable is missing
#ifdef nothing_is_started
  port = co_await weir::start(group);
#endif
}
