// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The suite of sourcegraph/conc: Stream, and the examples of its pages.

#include <weir/checkpoint.hpp>
#include <weir/for_each.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/result_group.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/transform.hpp>

#include "support/conformance.hpp"
#include "support/gate.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(conc_stream, conformance)

using ints = std::vector<int>;

BOOST_AUTO_TEST_CASE(Stream_simple) {
  ints seen;
  ordered_stream<int> stream(pool, {}, [&](int n) { seen.push_back(n); });
  auto doubles = [](int n) -> task<int> {
    if (n == 0)
      for (int i = 0; i != 10; ++i)
        co_await checkpoint();
    co_return 2 * n;
  };
  for (int n = 0; n != 5; ++n)
    wait(stream.submit(doubles, n));
  wait(stream.join());
  BOOST_TEST((seen == ints{0, 2, 4, 6, 8}));
}

BOOST_AUTO_TEST_CASE(Stream_nil_callback) {
  // A value that the callback ignores.
  std::atomic<int> calls{0};
  ordered_stream<int> stream(pool, {}, [](int) {});
  auto work = [&]() -> task<int> { co_return ++calls; };
  wait(stream.submit(work));
  wait(stream.join());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(Stream_max_goroutines) {
  high_water tasks;
  high_water callbacks;
  auto callback = [&](int) -> task<> {
    callbacks.enter();
    on_scope_exit leave([&] { callbacks.leave(); });
    co_await checkpoint();
  };
  ordered_stream<int> stream(pool, {.max_in_flight = 5}, callback);
  for (int n = 0; n != 50; ++n)
    wait(stream.submit(runs_in(tasks)));
  wait(stream.join());
  BOOST_TEST(tasks.peak() <= 5);
  BOOST_TEST(callbacks.peak() == 1);
}

BOOST_AUTO_TEST_CASE(Stream_panic_in_task) {
  ordered_stream<int> stream(pool, {}, [](int) {});
  wait(stream.submit(fails("something really bad happened in the task")));
  BOOST_TEST(text_of(error_of(stream.join())) ==
             "something really bad happened in the task");
}

BOOST_AUTO_TEST_CASE(Stream_panic_in_callback) {
  ordered_stream<int> stream(pool, {}, [](int) {
    throw std::runtime_error("something really bad happened in the callback");
  });
  wait(stream.submit(gives(1)));
  BOOST_TEST(text_of(error_of(stream.join())) ==
             "something really bad happened in the callback");
}

BOOST_AUTO_TEST_CASE(Stream_panic_in_callback_does_not_block_producers) {
  for (error_policy policy : {error_policy(on_error::cancel_siblings),
                              error_policy(on_error::keep_going)}) {
    int submitted = 0;
    auto main = [&]() -> task<> {
      ordered_stream<int> stream(
          pool,
          {.max_in_flight = 1, .max_reorder = 1, .errors = policy},
          [](int) { throw std::runtime_error("callback"); });
      try {
        for (; submitted != 100; ++submitted)
          co_await stream.submit(gives(submitted));
      } catch (const boost::system::system_error&) {
        submitted = 100; // Refused, not blocked.
      }
      co_await stream.join();
    };
    BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("callback"));
    BOOST_TEST(submitted == 100);
  }
}

// There, a stream without a limit runs two tasks at a time.
BOOST_AUTO_TEST_CASE(Stream_unlimited_is_unlimited) {
  gate door(pool.get_executor());
  auto waits = [&]() -> task<int> {
    co_await door.wait();
    co_return 1;
  };
  int sum = 0;
  ordered_stream<int> stream(pool, {}, [&](int n) { sum += n; });
  for (int n = 0; n != 100; ++n)
    wait(stream.submit(waits));
  block_until([&] { return door.arrivals() == 100; });
  door.open();
  wait(stream.join());
  BOOST_TEST(sum == 100);
}

BOOST_AUTO_TEST_CASE(ExampleWaitGroup) {
  std::atomic<int> count{0};
  task_group group(pool);
  for (int i = 0; i != 10; ++i)
    wait(group.spawn(counts(count)));
  wait(group.join());
  BOOST_TEST(count == 10);
}

BOOST_AUTO_TEST_CASE(ExampleWaitGroup_WaitAndRecover) {
  task_group group(pool);
  wait(group.spawn(fails_with("super bad thing")));
  BOOST_TEST(text_of(error_of(group.join())) == "super bad thing");
}

BOOST_AUTO_TEST_CASE(ExamplePool) {
  std::atomic<int> count{0};
  task_group group(pool, {.max_in_flight = 3});
  for (int i = 0; i != 5; ++i)
    wait(group.spawn(counts(count)));
  wait(group.join());
  BOOST_TEST(count == 5);
}

BOOST_AUTO_TEST_CASE(ExampleErrorPool) {
  task_group group(pool, {.errors = collect(unlimited)});
  for (int i = 0; i != 3; ++i)
    wait(group.spawn(i == 2 ? fails_with("oh no!") : returns()));
  BOOST_TEST(
      (texts_of(error_of(group.join())) == std::vector<std::string>{"oh no!"}));
}

BOOST_AUTO_TEST_CASE(ExampleResultPool) {
  result_group<int> group(pool);
  for (int i = 0; i != 10; ++i)
    wait(group.spawn(gives(i * 2)));
  BOOST_TEST(
      (values(wait(group.join())) == ints{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}));
}

BOOST_AUTO_TEST_CASE(ExampleContextPool_WithCancelOnError) {
  gate never(pool.get_executor());
  task_group group(pool, {.max_in_flight = 4});
  for (int i = 0; i != 3; ++i)
    wait(group.spawn(i == 2 ? fails_with("I will cancel all other tasks!")
                            : waits_for(never)));
  BOOST_TEST(text_of(error_of(group.join())) ==
             "I will cancel all other tasks!");
}

BOOST_AUTO_TEST_CASE(ExampleStream) {
  std::string printed;
  ordered_stream<int> stream(
      pool, {}, [&](int n) { printed += std::to_string(n) + '\n'; });
  for (int millis : {20, 52, 16, 45, 4, 80})
    wait(stream.submit(gives(millis)));
  wait(stream.join());
  BOOST_TEST(printed == "20\n52\n16\n45\n4\n80\n");
}

BOOST_AUTO_TEST_CASE(ExampleIterator) {
  ints numbers{1, 2, 3, 4, 5};
  std::atomic<bool> all_even{true};
  run(weir::for_each(numbers, {.max_in_flight = 10}, [&](int& n) {
    n *= 2;
    if (n % 2 != 0)
      all_even = false;
  }));
  BOOST_TEST(all_even);
}

BOOST_AUTO_TEST_CASE(ExampleMapper) {
  const ints numbers{1, 2, 3, 4, 5};
  const std::vector<bool> even = run(weir::transform(
      numbers, {.max_in_flight = 5}, [](int n) { return n % 2 == 0; }));
  BOOST_TEST((even == std::vector<bool>{false, true, false, true, false}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
