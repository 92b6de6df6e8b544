// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the tests of panjf2000/ants assert about pools with a function and a
// type, under their names; see ants.cpp. Such a pool is a work_queue.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/work_queue.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(ants_queue, pool_fixture)

using boost::system::system_error;

void every_item_is_summed(pool_fixture& f, int items, work_queue_options how) {
  std::atomic<long> sum{0};
  const auto add = [&](int n) -> task<> {
    co_await checkpoint();
    sum += n;
  };
  auto main = [&]() -> task<> {
    work_queue<int> queue(f.pool, how, add);
    for (int i = 0; i != items; ++i)
      co_await queue.push(i);
    co_await queue.join();
  };
  f.run(main());
  BOOST_TEST(sum == static_cast<long>(items) * (items - 1) / 2);
}

BOOST_AUTO_TEST_CASE(TestAntsPoolWithFuncGenericWaitToGetWorker) {
  every_item_is_summed(*this, 20'000, {.consumers = 200});
}
// Its consumers are there from the start, and so is the buffer.
BOOST_AUTO_TEST_CASE(TestAntsPoolWithFuncGenericWaitToGetWorkerPreMalloc) {
  every_item_is_summed(*this, 20'000, {.consumers = 200, .capacity = 200});
}
BOOST_AUTO_TEST_CASE(ExamplePoolWithFuncGeneric) {
  every_item_is_summed(*this, 1000, {.consumers = 10}); // 499,500
}

BOOST_AUTO_TEST_CASE(TestPanicHandlerWithFuncGeneric) {
  std::atomic<int> calls{0};
  const auto fails = [&](int) {
    ++calls;
    throw std::runtime_error("Oops!");
  };
  work_queue<int> queue(
      pool, {.consumers = 10, .errors = on_error::keep_going}, fails);
  wait(queue.push(1));
  wait(queue.drain());
  wait(queue.push(2)); // Usable all the same.
  wait(queue.drain());
  BOOST_TEST(calls == 2);
  BOOST_TEST(queue.pending() == 0u);
  BOOST_CHECK_EXCEPTION(wait(queue.join()), std::runtime_error, says("Oops!"));
}

BOOST_AUTO_TEST_CASE(TestNonblockingSubmitWithFuncGeneric) {
  gate first(pool.get_executor());
  gate rest(pool.get_executor());
  const auto waits = [&](int i) -> task<> {
    if (i == 0)
      co_await first.wait();
    else
      co_await rest.wait();
  };
  work_queue<int> queue(pool, {.consumers = 3}, waits);
  for (int i = 0; i != 3; ++i)
    wait(queue.push(i));
  block_until([&] { return first.arrivals() + rest.arrivals() == 3; });
  BOOST_TEST((queue.try_push(3) == push_status::full));
  first.open();
  // As soon as the one that is free again asks for more.
  block_until([&] { return queue.try_push(3) == push_status::accepted; });
  rest.open();
  wait(queue.join());
}

BOOST_AUTO_TEST_CASE(TestMaxBlockingSubmitWithFuncGeneric) {
  gate door(pool.get_executor());
  std::atomic<int> done{0};
  const auto waits = [&](int) -> task<> {
    co_await door.wait();
    ++done;
  };
  work_queue<int> queue(pool, {.consumers = 1, .max_waiting = 1}, waits);
  wait(queue.push(0));
  auto waiter = queue.push(1)(asio::use_future);
  block_until([&] { return queue.waiting() == 1; });
  BOOST_CHECK_EXCEPTION(
      wait(queue.push(2)), system_error, has_code(errc::overloaded));
  door.open();
  waiter.get();
  wait(queue.join());
  BOOST_TEST(done == 2);
}

// ants leaves two producers blocked for ever (its issue 202).
BOOST_AUTO_TEST_CASE(TestReleaseWhenRunningPoolWithFuncGeneric) {
  gate door(pool.get_executor());
  const auto waits = [&](int) -> task<> { co_await door.wait(); };
  work_queue<int> queue(pool, {.consumers = 1}, waits);
  wait(queue.push(0));
  auto first = queue.push(1)(asio::use_future);
  auto second = queue.push(2)(asio::use_future);
  block_until([&] { return queue.waiting() == 2; });
  queue.close();
  BOOST_CHECK_EXCEPTION(
      first.get(), system_error, has_code(errc::channel_closed));
  BOOST_CHECK_EXCEPTION(
      second.get(), system_error, has_code(errc::channel_closed));
  door.open();
  wait(queue.join());
}

BOOST_AUTO_TEST_CASE(TestReleaseTimeoutWithFuncGeneric) {
  std::atomic<int> done{0};
  const auto naps = [&](int) -> task<> {
    co_await sleep_for(std::chrono::milliseconds(20));
    ++done;
  };
  work_queue<int> queue(pool, {.consumers = 5}, naps);
  for (int i = 0; i != 5; ++i)
    wait(queue.push(i));
  wait(queue.join());
  BOOST_TEST(done == 5);
  BOOST_TEST((queue.try_push(6) == push_status::closed));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
