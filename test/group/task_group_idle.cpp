// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// wait_idle().

#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_idle, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(without_children_it_completes_at_once) {
  task_group group(pool);
  wait(group.wait_idle());
  wait(group.spawn(returns()));
  wait(group.wait_idle());
  wait(group.join());
  wait(group.wait_idle());
}

BOOST_AUTO_TEST_CASE(it_waits_for_all_children_and_leaves_the_group_open) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      int rounds = 0;
      bool all = true;
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        for (; rounds != 50; ++rounds) {
          for (int i = 0; i != 20; ++i)
            co_await group.spawn(counts(calls));
          co_await group.wait_idle();
          all = all && calls == 20 * (rounds + 1);
        }
        co_await group.join();
      };
      run(main());
      BOOST_TEST(rounds == 50);
      BOOST_TEST(all);
    }
  }
}

BOOST_AUTO_TEST_CASE(all_that_wait_are_told_and_a_joiner_too) {
  gate door(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_for(door)));
  std::vector<std::future<void>> idle;
  for (int i = 0; i != 3; ++i)
    idle.push_back(group.wait_idle()(asio::use_future));
  auto joined = group.join()(asio::use_future);
  BOOST_TEST((idle[0].wait_for(std::chrono::milliseconds(1)) ==
              std::future_status::timeout));
  door.open();
  for (auto& told : idle)
    told.get();
  joined.get();
}

BOOST_AUTO_TEST_CASE(it_waits_for_those_that_still_wait_for_a_slot) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  std::vector<std::future<void>> waiting;
  for (int i = 0; i != 5; ++i)
    waiting.push_back(group.spawn(counts(calls))(asio::use_future));
  auto idle = group.wait_idle()(asio::use_future);
  door.open();
  idle.get();
  BOOST_TEST(calls == 5);
  for (auto& spawned : waiting)
    spawned.get();
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(a_childs_error_is_joins_to_report) {
  task_group group(pool);
  wait(group.spawn(fails_with("boom")));
  wait(group.wait_idle());
  BOOST_TEST(group.stats().failed == 1u);
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(after_a_cancel_it_waits_until_the_children_have_ended) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  task_group group(pool);
  for (int i = 0; i != 5; ++i)
    wait(group.spawn(waits_and_counts(never, ended)));
  block_until([&] { return never.arrivals() == 5; });
  auto idle = group.wait_idle()(asio::use_future);
  group.cancel();
  idle.get();
  BOOST_TEST(ended == 5);
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(from_a_child_it_would_deadlock) {
  error_code code;
  auto child = [&](task_group& group) -> task<> {
    try {
      co_await group.wait_idle();
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  wait(group.join());
  BOOST_TEST(code == errc::would_deadlock);
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_leaves_the_group_alone) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    gate door(pool.get_executor());
    std::atomic<int> calls{0};
    bool went_on = false;
    error_code code;
    task_group group(pool);
    auto child = [&]() -> task<> {
      co_await door.wait();
      ++calls;
    };
    wait(group.spawn(child));
    std::atomic<bool> waiting{false};
    auto waits = [&]() -> task<> {
      waiting = true;
      try {
        co_await group.wait_idle();
        went_on = true;
      } catch (const system_error& e) {
        code = e.code();
      }
    };
    task_group leaves(pool, {.cancellation = form});
    wait(leaves.spawn(waits));
    block_until([&] { return waiting.load(); });
    leaves.cancel();
    wait(leaves.join());
    BOOST_TEST(!went_on);
    if (form == on_cancel::raise)
      BOOST_TEST(code == asio::error::operation_aborted);
    BOOST_TEST(!group.is_cancelled());
    door.open();
    wait(group.join());
    BOOST_TEST(calls == 1);
  }
}

BOOST_AUTO_TEST_CASE(the_last_child_and_a_cancelled_wait_may_race) {
  int told = 0;
  int aborted = 0;
  for (int round = 0; round != 300 && (told < 20 || aborted < 20); ++round) {
    task_group group(pool);
    task_group leaves(pool);
    std::atomic<bool> waiting{false};
    gate door(pool.get_executor());
    auto waits = [&]() -> task<> {
      waiting = true;
      try {
        co_await group.wait_idle();
        ++told;
      } catch (const system_error&) {
        ++aborted;
      }
    };
    wait(group.spawn(waits_for(door)));
    wait(leaves.spawn(waits));
    block_until([&] { return waiting.load(); });
    door.open();
    for (int spin = round % 50; spin != 0; --spin)
      std::this_thread::yield();
    leaves.cancel();
    wait(leaves.join());
    wait(group.join());
    BOOST_REQUIRE(told + aborted == round + 1);
  }
}

BOOST_AUTO_TEST_CASE(an_asio_awaitable_may_wait_too) {
  std::atomic<int> calls{0};
  task_group group(pool);
  auto main = [&]() -> asio::awaitable<void> {
    for (int i = 0; i != 10; ++i)
      co_await group.spawn(counts(calls));
    co_await group.wait_idle();
  };
  run_foreign(main());
  BOOST_TEST(calls == 10);
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(it_is_told_when_the_runtime_is_stopped) {
  std::optional<weir::runtime> other(std::in_place, 2);
  gate never(other->get_executor());
  {
    task_group group(*other);
    wait(group.spawn(waits_for(never)));
    asio::io_context context;
    std::atomic<int> told{0};
    group.wait_idle()(asio::bind_executor(context.get_executor(),
                                          [&](error_code ec) { told += !ec; }));
    block_until([&] { return never.arrivals() == 1; });
    other->stop();
    context.run();
    BOOST_TEST(told == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
