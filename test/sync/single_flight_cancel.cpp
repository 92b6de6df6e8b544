// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Which callers leave, which stay, and what happens to the call.

#include <weir/checkpoint.hpp>
#include <weir/shield.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/flights.hpp"
#include "support/forms.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(single_flight_cancel, pool_fixture)

using boost::system::system_error;

BOOST_AUTO_TEST_CASE(a_first_caller_that_is_cancelled_harms_nobody) {
  for (bool unwinds : {false, true})
    for (int stay : {1, 3}) {
      BOOST_TEST_CONTEXT("unwinds " << unwinds << ", stay " << stay) {
        flights calls(pool);
        fetcher f(pool);
        seen first;
        seen others;
        auto main = [&]() -> task<> {
          task_group leader(pool);
          task_group followers(pool);
          co_await leader.spawn(in_form(unwinds, asks(calls, f, first)));
          co_await until([&] { return f.calls == 1; });
          for (int i = 0; i != stay; ++i)
            co_await followers.spawn(asks(calls, f, others, 99));
          co_await until(
              [&] { return calls.waiting() == 1u + unsigned(stay); });
          leader.cancel();
          co_await leader.join(); // at once: the call continues
          f.door.open();
          co_await followers.join();
        };
        run(main());
        BOOST_TEST(first.ended == 1);
        BOOST_TEST(first.value == 0);
        BOOST_TEST(others.value == 7 * stay);
        BOOST_TEST(others.shared == stay);
        BOOST_TEST(f.calls == 1);
      }
    }
}

BOOST_AUTO_TEST_CASE(the_last_who_leaves_cancels_the_call_and_sees_its_end) {
  for (bool unwinds : {false, true})
    BOOST_TEST_CONTEXT("unwinds " << unwinds) {
      flights calls(pool);
      fetcher f(pool);
      seen what;
      std::size_t left = 9;
      auto main = [&]() -> task<> {
        task_group group(pool);
        for (int i = 0; i != 4; ++i)
          co_await group.spawn(in_form(unwinds, asks(calls, f, what)));
        co_await until(
            [&] { return calls.waiting() == 4 && f.door.arrivals() == 1; });
        group.cancel();
        co_await group.join();
        left = calls.in_flight();
      };
      run(main());
      BOOST_TEST(what.ended == 4);
      BOOST_TEST(what.aborted == (unwinds ? 0 : 4));
      BOOST_TEST(f.ended == 1);
      BOOST_TEST(left == 0u);
      BOOST_TEST(calls.waiting() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_result_that_comes_all_the_same_is_not_lost) {
  flights calls(pool);
  gate door(pool.get_executor());
  int value = 0;
  auto stubborn = [&]() -> task<int> {
    co_await shield(waits_for(door));
    co_return 5;
  };
  auto waits = [&]() -> task<> {
    auto result = co_await calls.run("key", stubborn);
    value = *result;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(waits());
    co_await until([&] { return door.arrivals() == 1; });
    group.cancel();
    door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(value == 5);
}

BOOST_AUTO_TEST_CASE(who_asks_while_a_cancelled_call_ends_starts_a_new_one) {
  flights calls(pool);
  gate door(pool.get_executor());
  std::atomic<int> made{0};
  int value = 0;
  auto stubborn = [&]() -> task<int> {
    const int mine = ++made;
    if (mine == 1)
      co_await shield(waits_for(door));
    co_return mine;
  };
  auto waits = [&]() -> task<> { (void)co_await calls.run("key", stubborn); };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(waits());
    co_await until([&] { return door.arrivals() == 1; });
    group.cancel();
    auto result = co_await calls.run("key", stubborn);
    value = *result;
    door.open();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(value == 2);
  BOOST_TEST(made == 2);
}

BOOST_AUTO_TEST_CASE(leaving_and_ending_at_once_lose_nothing) {
  flights calls(pool);
  std::atomic<int> made{0};
  std::atomic<int> values{0};
  std::atomic<int> aborted{0};
  auto work = [&]() -> task<int> {
    ++made;
    co_await checkpoint();
    co_return 1;
  };
  auto waits = [&]() -> task<> {
    try {
      auto result = co_await calls.run("key", work);
      values += *result;
    } catch (const system_error&) {
      ++aborted;
      throw;
    }
  };
  int rounds = 0;
  auto main = [&]() -> task<> {
    while (rounds != 2000) {
      ++rounds;
      task_group group(pool);
      for (int i = 0; i != 3; ++i)
        co_await group.spawn(waits);
      for (int i = 0; i != rounds % 4; ++i)
        co_await checkpoint();
      group.cancel();
      co_await group.join();
    }
  };
  run(main());
  BOOST_TEST(calls.in_flight() == 0u);
  BOOST_TEST(calls.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_who_leaves_may_be_cancelled_twice) {
  flights calls(pool);
  gate door(pool.get_executor());
  asio::cancellation_signal signal;
  auto stubborn = [&]() -> task<int> {
    co_await shield(waits_for(door));
    co_return 5;
  };
  auto result = calls.run("key", stubborn)(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until([&] { return door.arrivals() == 1; });
  signal.emit(asio::cancellation_type::partial);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(calls.in_flight() == 1u);
  door.open();
  BOOST_TEST(*result.get() == 5);
  BOOST_TEST(calls.in_flight() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
