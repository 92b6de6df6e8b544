// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// Functions that run several works, or one work in a scope.

#include "prelude.hpp"

weir::task<> several() {
  // error: this is nothing to run: pass a weir::task, an asio::awaitable, an
  // operation of weir, an Asio operation made with asio::deferred, or a
  // callable that takes the arguments and returns one of these
#ifdef a_number_is_among_all
  auto all = co_await weir::when_all(gives(), 42);
#else
  auto all = co_await weir::when_all(gives(), old_code());
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_among_all
  co_await weir::when_all(plain, work());
#else
  co_await weir::when_all(work, work());
#endif

  // error: a task is awaited or spawned once: move it, std::move(t)
#ifdef a_named_task_is_among_all
  auto named = work();
  co_await weir::when_all(named);
#else
  auto named = work();
  co_await weir::when_all(std::move(named));
#endif

  // error: the tasks are moved out of a range: pass it as an rvalue,
  // std::move(tasks), and as the only one
#ifdef a_named_range_is_given
  std::vector<weir::task<>> tasks;
  co_await weir::when_all(tasks);
#else
  std::vector<weir::task<>> tasks;
  co_await weir::when_all(std::move(tasks));
#endif

  // error: the elements of a range must be of type weir::task
#ifdef a_range_of_awaitables_is_given
  co_await weir::when_all(std::vector<asio::awaitable<int>>());
#endif

  // error: the callable returns a value that cannot be awaited: make it a
  // coroutine that returns weir::task<T>, or wrap it in weir::offload if it
  // blocks
#ifdef a_plain_function_races
  auto first = co_await weir::race(gives(), plain_value);
#else
  auto first = co_await weir::race(gives(), gives);
#endif

  // error: weir::race: name at least one task
#ifdef nobody_races
  co_await weir::race();
#endif

  // error: the callable takes arguments: pass them after it, or call it if it
  // is a coroutine
#ifdef the_first_has_no_arguments
  co_await weir::first_completed(work_on);
#else
  co_await weir::first_completed(work_on("text"));
#endif

  // error: weir::first_completed: name at least one task
#ifdef nobody_is_the_first
  co_await weir::first_completed();
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_in_a_quorum
  auto two = co_await weir::quorum(2, work(), work(), plain);
#else
  auto two = co_await weir::quorum(2, work(), work(), work);
#endif

  // error: weir::quorum: name at least one task
#ifdef a_quorum_of_nobody
  co_await weir::quorum(0);
#endif

  // error: weir::quorum: how many must succeed comes first, then the tasks
#ifdef a_quorum_without_a_number
  co_await weir::quorum(work(), work());
#endif
}

weir::task<> scopes() {
  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_has_a_timeout
  co_await weir::with_timeout(1s, plain);
#else
  co_await weir::with_timeout(1s, work);
#endif

  // error: weir::with_timeout: the time must be a std::chrono::duration, as 5s
  // is
#ifdef a_timeout_is_a_number
  int n = co_await weir::with_timeout(5, gives());
#else
  int n = co_await weir::with_timeout(5s, gives());
#endif
  (void)n;

  // error: this is nothing to run: pass a weir::task, an asio::awaitable, an
  // operation of weir, an Asio operation made with asio::deferred, or a
  // callable that takes the arguments and returns one of these
#ifdef a_number_has_a_deadline
  co_await weir::with_deadline(weir::clock::now(), 42);
#else
  co_await weir::with_deadline(weir::clock::now(), work());
#endif

  // error: weir::with_deadline: the deadline must be a time point of
  // weir::clock
#ifdef a_deadline_is_of_another_clock
  co_await weir::with_deadline(std::chrono::system_clock::now(), work());
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_is_shielded
  co_await weir::shield(plain);
#else
  co_await weir::shield(work);
#endif

  // error: a task is awaited or spawned once: move it, std::move(t)
#ifdef a_named_task_is_made_a_value_of
  auto named = gives();
  auto value = co_await weir::as_stopped(named);
#else
  auto named = gives();
  auto value = co_await weir::as_stopped(std::move(named));
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_plain_function_has_a_clean_up
  co_await weir::finally(plain, work);
#else
  co_await weir::finally(work, work);
#endif

  // error: the callable returns void: make it a coroutine that returns
  // weir::task<>, or wrap it in weir::offload if it blocks
#ifdef a_clean_up_is_a_plain_function
  co_await weir::finally(work(), [] {});
#else
  co_await weir::finally(work(), []() -> weir::task<> { co_return; });
#endif

  // error: weir::finally: the clean-up is called when the work has ended: pass
  // the coroutine function, not the task that it returns
#ifdef a_clean_up_is_a_task
  co_await weir::finally(work(), work());
#endif

  // error: this takes a weir::task alone: call the coroutine function, and pass
  // what it returns
#ifdef a_function_is_named
  co_await weir::named("work", work);
#else
  co_await weir::named("work", work());
#endif

  // error with g++ 12: g++ 12 destroys this callable twice inside a co_await
  // expression. Capture by reference, pass what it captures as arguments, or
  // name the callable and pass it as an lvalue
#ifdef a_temporary_closure_has_a_timeout
  std::string text;
  // check_source: allow: the mistake
  co_await weir::with_timeout(1s, [text]() -> weir::task<> { co_return; });
#else
  std::string text;
  auto closure = [text]() -> weir::task<> { co_return; };
  co_await weir::with_timeout(1s, closure);
#endif
}

weir::task<> loops(std::vector<int> numbers) {
  auto once = [](int n) -> weir::task<int> { co_return n; };
  auto producer = []() -> weir::task<std::optional<int>> { co_return 1; };
  co_await weir::for_each(numbers, {}, once);
  co_await weir::for_each(producer, {}, once);
  auto doubled = co_await weir::transform(numbers, {}, once);
  auto tried = co_await weir::try_transform(producer, {}, once);

  // error: the function takes neither an element nor an index and an element,
  // (std::size_t, element)
#ifdef the_function_takes_other_elements
  co_await weir::for_each(numbers, {}, work_on);
#else
  co_await weir::for_each(std::vector<std::string>(), {}, work_on);
#endif

  // error: the function takes neither an element nor an index and an element,
  // (std::size_t, element)
#ifdef the_function_takes_nothing
  auto other = co_await weir::transform(producer, {}, gives);
#endif

  // error: the function gives no value to keep: use weir::for_each
#ifdef the_function_gives_nothing
  auto results = co_await weir::transform(numbers, {}, [](int) {});
#else
  auto results = co_await weir::transform(numbers, {}, [](int) { return 1; });
#endif

  // error: the function gives a value that cannot be moved into the results
#ifdef the_function_gives_what_cannot_be_moved
  struct pinned {
    pinned() = default;
    pinned(pinned&&) = delete;
  };
  auto pins =
      co_await weir::try_transform(numbers, {}, [](int) { return pinned(); });
#endif

  // error: the elements come from a range, or from a function that returns
  // weir::task<std::optional<T>>: this is neither
#ifdef the_elements_are_a_number
  co_await weir::for_each(42, {}, once);
#endif

  // error: the elements come from a range, or from a function that returns
  // weir::task<std::optional<T>>: this is neither
#ifdef the_producer_gives_no_optional
  auto made = co_await weir::try_transform(gives, {}, once);
#endif

  // error: the options are missing, which come before the function: give {} for
  // the defaults
#ifdef the_loop_has_no_options
  co_await weir::for_each(numbers, once);
#endif

  // error: the options are missing, which come before the function: give {} for
  // the defaults
#ifdef the_transformation_has_no_options
  auto more = co_await weir::transform(numbers, once);
#endif
}
