// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The same group from coroutines of Asio's.

#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <tuple>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_foreign, pool_fixture)

using boost::system::error_code;

BOOST_AUTO_TEST_CASE(a_foreign_awaitable_feeds_and_joins_a_group) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      bool same_thread = true;
      auto main = [&]() -> asio::awaitable<void> {
        const auto here = std::this_thread::get_id();
        task_group group(pool, {.max_in_flight = cap});
        for (int i = 0; i != 200; ++i) {
          co_await group.spawn(counts(calls));
          same_thread = same_thread && std::this_thread::get_id() == here;
        }
        co_await group.join();
        same_thread = same_thread && std::this_thread::get_id() == here;
      };
      run_foreign(main());
      BOOST_TEST(calls == 200);
      BOOST_TEST(same_thread);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_awaitable_gets_exceptions) {
  auto main = [&]() -> asio::awaitable<void> {
    task_group group(pool);
    co_await group.spawn(fails_with("boom"));
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(run_foreign(main()), std::runtime_error, says("boom"));

  error_code code;
  auto closed = [&]() -> asio::awaitable<void> {
    task_group group(pool);
    co_await group.join();
    std::tuple<error_code> result =
        co_await group.spawn(returns())(asio::as_tuple(asio::use_awaitable));
    code = std::get<0>(result);
  };
  run_foreign(closed());
  BOOST_TEST(code == errc::group_closed);
}

BOOST_AUTO_TEST_CASE(a_cancelled_foreign_awaitable_cancels_its_join) {
  using namespace asio::experimental::awaitable_operators;
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  task_group group(pool);
  auto joins = [&]() -> asio::awaitable<void> {
    co_await group.spawn(waits_and_counts(never, ended));
    co_await group.join();
  };
  auto gives_up = [&]() -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (never.arrivals() == 0) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
  auto main = [&]() -> asio::awaitable<void> {
    co_await (joins() || gives_up());
  };
  run_foreign(main());
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(an_awaitable_on_the_pool_itself_may_use_a_group) {
  std::atomic<int> calls{0};
  auto main = [&]() -> asio::awaitable<void> {
    task_group group(pool, {.max_in_flight = 2});
    for (int i = 0; i != 50; ++i)
      co_await group.spawn(counts(calls));
    co_await group.join();
  };
  asio::co_spawn(pool.get_executor(), main(), asio::use_future).get();
  BOOST_TEST(calls == 50);
}

BOOST_AUTO_TEST_CASE(a_child_that_is_an_awaitable_lends_its_slot_too) {
  std::atomic<int> calls{0};
  auto child = [&](task_group& group) -> asio::awaitable<void> {
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(counts(calls));
  };
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(child, std::ref(group)));
  wait(group.join());
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
