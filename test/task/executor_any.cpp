// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What takes a weir::executor takes an asio::any_io_executor that holds one.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/completion_group.hpp>
#include <weir/executor.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/result_group.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/work_queue.hpp>

#include "support/both_executors.hpp"
#include "support/counted.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/execution/any_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace weir::test::of_executor_any {

BOOST_FIXTURE_TEST_SUITE(executor_any, both_executors)

using asio::any_io_executor;
using weir::executor;

static_assert(std::is_convertible_v<any_io_executor, executor>);
static_assert(std::is_convertible_v<asio::execution::any_executor<>, executor>);
static_assert(
    !std::is_convertible_v<asio::io_context::executor_type, executor>);
static_assert(!std::is_convertible_v<asio::strand<any_io_executor>, executor>);
static_assert(!std::is_convertible_v<std::function<void()>, executor>);

task<int> number(int n) {
  co_await checkpoint();
  co_return n;
}

BOOST_AUTO_TEST_CASE(the_executor_comes_back_as_it_was) {
  for (const executor& ex : both_kinds()) {
    const any_io_executor any = ex;
    const executor back = any;
    BOOST_TEST((back == ex));
    BOOST_TEST((any == any_io_executor(back)));
  }
}

BOOST_AUTO_TEST_CASE(a_socket_of_the_runtime_names_where_to_spawn) {
  for (const executor& ex : both_kinds()) {
    asio::ip::tcp::socket socket(ex);
    BOOST_TEST(
        weir::co_spawn(socket.get_executor(), number(3), asio::use_future)
            .get() == 3);
  }
}

BOOST_AUTO_TEST_CASE(each_object_is_made_from_one) {
  const any_io_executor any = pool.get_executor();
  std::atomic<int> sum{0};
  const auto add = [&](int n) { sum += n; };
  auto uses_all = [&]() -> task<> {
    task_group group(any);
    co_await group.spawn(counts(sum));
    co_await group.join();
    result_group<int> results(any);
    co_await results.spawn(number(10));
    for (result<int>& each : co_await results.join())
      sum += *each;
    completion_group<int> completions(any);
    co_await completions.spawn(number(100));
    completions.close();
    while (auto next = co_await completions.next())
      sum += *next->result;
    co_await completions.join();
    ordered_stream<int> stream(any, {}, std::ref(add));
    co_await stream.submit(number(1000));
    co_await stream.join();
    single_flight<int, int> flights(any);
    sum += *co_await flights.run(1, std::bind_front(number, 10000));
    work_queue<int> queue(any, {}, std::ref(add));
    co_await queue.push(100000);
    co_await queue.join();
  };
  run(uses_all());
  BOOST_TEST(sum == 111111);
}

BOOST_AUTO_TEST_CASE(an_awaitable_opens_a_group_on_its_own_executor) {
  std::atomic<int> calls{0};
  auto body = [&](task_group& group) -> asio::awaitable<void> {
    co_await group.spawn(counts(calls))(asio::use_awaitable);
  };
  auto opens = [&]() -> asio::awaitable<void> {
    const any_io_executor own = co_await asio::this_coro::executor;
    co_await with_task_group(own, {}, body);
  };
  asio::co_spawn(pool.get_executor(), opens(), asio::use_future).get();
  BOOST_TEST(calls == 1);
  auto on_strand = asio::co_spawn(
      asio::make_strand(pool.get_executor()), opens(), asio::use_future);
  BOOST_CHECK_EXCEPTION(
      on_strand.get(), std::invalid_argument, says("asio::strand"));
}

BOOST_AUTO_TEST_CASE(a_foreign_one_is_refused_with_its_name) {
  auto convert = [](const any_io_executor& any) { return executor(any); };
  asio::io_context foreign;
  const any_io_executor any = foreign.get_executor();
  BOOST_CHECK_EXCEPTION(convert(any), std::invalid_argument, [](auto& e) {
    return says("io_context")(e) && says("must hold the executor of a weir")(e);
  });
  const any_io_executor strand = asio::make_strand(pool.get_executor());
  BOOST_CHECK_EXCEPTION(convert(strand), std::invalid_argument, says("strand"));
  const any_io_executor empty;
  BOOST_CHECK_EXCEPTION(
      convert(empty), std::invalid_argument, says("holds nothing"));
}

BOOST_AUTO_TEST_CASE(a_task_for_a_foreign_one_is_destroyed_unstarted) {
  asio::io_context foreign;
  const any_io_executor any = foreign.get_executor();
  const auto held = std::make_shared<int>(0);
  auto holds = [](std::shared_ptr<int>) -> task<> { co_return; };
  BOOST_CHECK_EXCEPTION(weir::co_spawn(any, holds(held), asio::detached),
                        std::invalid_argument,
                        says("io_context"));
  BOOST_CHECK_EXCEPTION((void)weir::co_spawn(any, holds(held), asio::deferred),
                        std::invalid_argument,
                        says("io_context"));
  BOOST_TEST(held.use_count() == 1);
  BOOST_CHECK_EXCEPTION(
      task_group(any, {}), std::invalid_argument, says("io_context"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_executor_any
