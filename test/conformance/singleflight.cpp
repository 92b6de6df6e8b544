// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the tests of Go's golang.org/x/sync/singleflight assert, under their
// names, of weir::single_flight. A panic is an exception here; DoChan is a
// completion token; Goexit is a call whose frame is destroyed.

#include <weir/error.hpp>
#include <weir/single_flight.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <string>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(singleflight, operations)

using boost::system::system_error;
using strings = weir::single_flight<std::string, std::string>;
using numbers = weir::single_flight<std::string, int>;

struct some_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

task<std::string> bar() { co_return "bar"; }
task<std::string> fails() {
  throw some_error("some error");
  co_return "";
}

BOOST_AUTO_TEST_CASE(TestDo) {
  strings g(pool);
  auto main = [&]() -> task<std::string> {
    auto result = co_await g.run("key", bar);
    co_return *result;
  };
  BOOST_TEST(run(main()) == "bar");
}

BOOST_AUTO_TEST_CASE(TestDoErr) {
  strings g(pool);
  auto main = [&]() -> task<> { (void)co_await g.run("key", fails); };
  BOOST_CHECK_EXCEPTION(run(main()), some_error, says("some error"));
}

BOOST_AUTO_TEST_CASE(TestDoChan) {
  strings g(pool);
  auto result = g.run("key", bar)(asio::use_future);
  BOOST_TEST(*result.get() == "bar");
}

BOOST_AUTO_TEST_CASE(TestDoDupSuppress) {
  constexpr int callers = 10;
  strings g(pool);
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  std::atomic<int> right{0};
  auto slow = [&]() -> task<std::string> {
    ++calls;
    co_await door.wait();
    co_return "bar";
  };
  auto asks = [&]() -> task<> {
    auto result = co_await g.run("key", slow);
    right += *result == "bar";
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != callers; ++i)
      co_await group.spawn(asks());
    co_await until([&] { return g.waiting() == callers; });
    door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(right == callers);
  BOOST_TEST(calls > 0);
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(TestForget) {
  numbers g(pool);
  gate unblock_first(pool.get_executor());
  gate unblock_second(pool.get_executor());
  std::atomic<bool> first_finished{false};
  auto first = [&]() -> task<int> {
    co_await unblock_first.wait();
    first_finished = true;
    co_return 1;
  };
  auto second = [&]() -> task<int> {
    co_await unblock_second.wait();
    co_return 2;
  };
  auto third = []() -> task<int> { co_return 3; };

  auto first_result = g.run("key", first)(asio::use_future);
  block_until([&] { return unblock_first.arrivals() == 1; });
  BOOST_TEST(g.forget("key"));
  auto second_result = g.run("key", second)(asio::use_future);
  unblock_first.open();
  BOOST_TEST(*first_result.get() == 1);
  BOOST_TEST(first_finished);
  auto third_result = g.run("key", third)(asio::use_future);
  unblock_second.open();
  BOOST_TEST(*second_result.get() == 2);
  BOOST_TEST(*third_result.get() == 2);
}

// Runs five callers of `work`; returns for how many `is_right` was true.
template <typename Work, typename IsRight>
task<int> five_callers(strings& g, gate& door, Work& work, IsRight is_right) {
  std::atomic<int> told{0};
  auto asks = [&]() -> task<> {
    try {
      (void)co_await g.run("key", work);
    } catch (...) {
      told += is_right(std::current_exception());
    }
  };
  task_group group(co_await asio::this_coro::executor);
  for (int i = 0; i != 5; ++i)
    co_await group.spawn(asks());
  co_await until([&] { return g.waiting() == 5 && door.arrivals() == 1; });
  door.open();
  co_await group.join();
  co_return told;
}

BOOST_AUTO_TEST_CASE(TestPanicDo) {
  strings g(pool);
  gate door(pool.get_executor());
  auto panics = [&]() -> task<std::string> {
    co_await door.wait();
    throw some_error("panic");
  };
  const int told = run(five_callers(
      g, door, panics, [](auto error) { return text_of(error) == "panic"; }));
  BOOST_TEST(told == 5);
  BOOST_TEST(g.in_flight() == 0u);
}

BOOST_AUTO_TEST_CASE(TestGoexitDo) {
  strings g(pool);
  gate door(pool.get_executor());
  auto exits = [&]() -> task<std::string> {
    co_await door.wait();
    co_await drops_its_handler(how::posted);
    co_return "never";
  };
  const int told = run(five_callers(g, door, exits, [](auto error) {
    return code_of(error) == errc::task_abandoned;
  }));
  BOOST_TEST(told == 5);
  BOOST_TEST(g.in_flight() == 0u);
}

BOOST_AUTO_TEST_CASE(TestPanicDoChan) {
  strings g(pool);
  auto result = g.run("key", fails)(asio::use_future);
  BOOST_CHECK_THROW(result.get(), some_error);
}

BOOST_AUTO_TEST_CASE(TestPanicDoSharedByDoChan) {
  strings g(pool);
  gate door(pool.get_executor());
  auto panics = [&]() -> task<std::string> {
    co_await door.wait();
    throw some_error("panic");
  };
  auto first = g.run("key", panics)(asio::use_future);
  auto second = g.run("key", panics)(asio::use_future);
  door.open();
  BOOST_CHECK_THROW(first.get(), some_error);
  BOOST_CHECK_THROW(second.get(), some_error);
}

BOOST_AUTO_TEST_CASE(TestPanicErrorUnwrap) {
  // An exception of any type arrives unchanged, not wrapped.
  strings g(pool);
  auto throws_text = []() -> task<std::string> {
    throw 17; // no exception type
    co_return "";
  };
  auto first = g.run("key", throws_text)(asio::use_future);
  BOOST_CHECK_EXCEPTION(first.get(), int, [](int i) { return i == 17; });
  auto second = g.run("key", fails)(asio::use_future);
  BOOST_CHECK_EXCEPTION(second.get(), some_error, says("some error"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
