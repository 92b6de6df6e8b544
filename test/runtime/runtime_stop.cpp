// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// runtime::stop().

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/finally.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/ending.hpp"
#include "support/foreign.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(runtime_stop, ending)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(stop_destroys_frames_without_resuming) {
  park();
  pool->stop();
  BOOST_TEST(ended == kinds);
  BOOST_TEST(alive == 0);
  BOOST_TEST(went_on == 0);
  pool->stop();
  end();
  BOOST_TEST(ended == kinds);
  BOOST_TEST(unhandled == 0);
}

BOOST_AUTO_TEST_CASE(stop_runs_no_handlers_and_no_clean_up) {
  std::atomic<int> handled{0};
  auto work = [&]() -> task<> {
    try {
      co_await never->wait();
    } catch (...) {
      ++handled;
    }
    ++handled;
  };
  auto child = [&]() -> task<> {
    co_await finally(work(), [&]() -> task<> {
      ++handled;
      co_return;
    });
  };
  start(child());
  block_until([&] { return never->arrivals() == 1; });
  pool->stop();
  end();
  BOOST_TEST(handled == 0);
}

BOOST_AUTO_TEST_CASE(a_run_is_abandoned_by_stop) {
  std::promise<error_code> result;
  std::thread runs([&] {
    try {
      pool->run(in_gate());
      result.set_value({});
    } catch (const system_error& e) {
      result.set_value(e.code());
    }
  });
  block_until([&] { return never->arrivals() == 1; });
  pool->stop();
  BOOST_TEST(result.get_future().get() == errc::task_abandoned);
  BOOST_TEST(ended == 1);
  runs.join();
}

BOOST_AUTO_TEST_CASE(a_task_may_stop_its_own_runtime) {
  std::atomic<bool> went_on_after{false};
  auto stops = [&]() -> task<> {
    mark m(*this);
    pool->stop();
    co_await sleep_for(std::chrono::hours(1));
    went_on_after = true;
  };
  BOOST_CHECK_EXCEPTION(
      pool->run(stops()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(!went_on_after);
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(a_ready_task_may_own_others_that_are_ready_too) {
  for (const bool parent_first : {true, false}) {
    BOOST_TEST_CONTEXT("parent first: " << parent_first) {
      channel<int> for_parent(1);
      channel<int> for_child(1);
      std::atomic<int> alive_here{0};
      std::atomic<bool> go_on{false};
      std::atomic<bool> blocks{false};
      {
        runtime one(1);
        auto child = [&]() -> task<> {
          const counted mine(alive_here);
          (void)co_await for_child.receive();
        };
        auto parent = [&]() -> task<> {
          const counted mine(alive_here);
          task_group group(one);
          co_await group.spawn(child);
          (void)co_await for_parent.receive();
        };
        auto blocker = [&]() -> task<> {
          blocks = true;
          while (!go_on)
            std::this_thread::yield();
          co_return;
        };
        weir::co_spawn(one, parent(), asio::detached);
        block_until([&] {
          return for_parent.waiting_receivers() == 1 &&
                 for_child.waiting_receivers() == 1;
        });
        weir::co_spawn(one, blocker(), asio::detached);
        block_until([&] { return blocks.load(); });
        // The only thread is busy: both tasks become ready and stay so.
        BOOST_TEST(((parent_first ? for_parent : for_child).try_send(1) ==
                    send_status::sent));
        BOOST_TEST(((parent_first ? for_child : for_parent).try_send(1) ==
                    send_status::sent));
        std::thread stops([&] { one.stop(); });
        asio::io_context context(1);
        bool stopped = false;
        block_until([&] {
          weir::co_spawn(
              one, returns(), asio::bind_executor(context, [&](auto error) {
                stopped = code_of(error) == errc::runtime_stopped;
              }));
          context.poll();
          context.restart();
          return stopped;
        });
        go_on = true;
        stops.join();
        BOOST_TEST(alive_here == 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(many_that_wait_for_a_slot_are_refused_and_not_nested) {
  constexpr int waiters = 50'000;
  std::atomic<int> calls{0};
  task_group group(*pool, {.max_in_flight = 1});
  task_group askers(*pool);
  auto asks = [&]() -> task<> { co_await group.spawn(counts(calls)); };
  auto all = [&]() -> task<> {
    co_await group.spawn(in_gate());
    for (int i = 0; i != waiters; ++i)
      co_await askers.spawn(asks);
  };
  start(all());
  block_until([&] { return group.stats().waiting == waiters; });
  pool->stop();
  BOOST_TEST(calls == 0);
  BOOST_TEST(group.stats().in_flight == 0u);
  BOOST_TEST(group.stats().waiting == 0u);
}

BOOST_AUTO_TEST_CASE(after_stop_nothing_starts) {
  std::atomic<int> calls{0};
  pool->stop();
  BOOST_CHECK_EXCEPTION(
      pool->run(counts(calls)), system_error, has_code(errc::runtime_stopped));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_reachable_join_reports_task_abandoned) {
  {
    task_group group(*pool);
    group.spawn(in_gate())(asio::use_future).get();
    block_until([&] { return never->arrivals() == 1; });
    auto by_future = group.join()(asio::use_future);
    asio::io_context context(1);
    error_code by_callback;
    group.join()(asio::bind_executor(context, [&](std::exception_ptr error) {
      by_callback = code_of(error);
    }));
    pool->stop();
    BOOST_CHECK_EXCEPTION(
        by_future.get(), system_error, has_code(errc::task_abandoned));
    context.run();
    BOOST_TEST(by_callback == errc::task_abandoned);
    BOOST_TEST(ended == 1);
    // Called only now.
    BOOST_CHECK_EXCEPTION(group.join()(asio::use_future).get(),
                          system_error,
                          has_code(errc::task_abandoned));
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_awaitable_in_join_gets_task_abandoned) {
  error_code code;
  auto main = [&]() -> asio::awaitable<void> {
    task_group group(*pool);
    co_await group.spawn(in_gate());
    std::thread stops([&] {
      block_until([&] { return never->arrivals() == 1; });
      pool->stop();
    });
    try {
      co_await group.join();
    } catch (const system_error& e) {
      code = e.code();
    }
    stops.join();
  };
  run_foreign(main());
  BOOST_TEST(code == errc::task_abandoned);
}

BOOST_AUTO_TEST_CASE(a_group_with_children_may_be_destroyed_after_stop) {
  {
    task_group group(*pool);
    group.spawn(in_gate())(asio::use_future).get();
    block_until([&] { return never->arrivals() == 1; });
    pool->stop();
  } // does not terminate
  BOOST_TEST(ended == 1);
}

// The group has cancelled its children, but this one still waits.
BOOST_AUTO_TEST_CASE(a_shielded_child_of_a_cancelled_group_goes_too) {
  task_group group(*pool);
  auto child = [&]() -> task<> {
    group.cancel();
    co_await shield(in_gate());
  };
  group.spawn(child())(asio::use_future).get();
  block_until([&] { return never->arrivals() == 1; });
  pool->stop();
  BOOST_TEST(ended == 1);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(results_of_abandoned_tasks_are_delivered_elsewhere) {
  auto by_future = weir::co_spawn(*pool, in_gate(), asio::use_future);
  block_until([&] { return never->arrivals() == 1; });
  pool->stop();
  BOOST_CHECK_EXCEPTION(
      by_future.get(), system_error, has_code(errc::task_abandoned));
}

BOOST_AUTO_TEST_CASE(stop_may_race_with_everything) {
  for (int round = 0; round != (sanitized ? 40 : 150); ++round) {
    std::atomic<int> frames{0};
    auto child = [](counted) -> task<> {
      for (int i = 0; i != 50; ++i)
        co_await checkpoint();
      co_await sleep_for(std::chrono::microseconds(100));
    };
    auto main = [&](runtime& on, counted) -> task<> {
      co_await with_task_group({.max_in_flight = 5},
                               [&](task_group& group) -> task<> {
                                 for (int i = 0; i != 20; ++i)
                                   co_await group.spawn(child, counted(frames));
                               });
      (void)on;
    };
    {
      runtime brief(2);
      for (int i = 0; i != 3; ++i)
        weir::co_spawn(brief, main(brief, counted(frames)), asio::detached);
      for (int spin = 0; spin < round; ++spin)
        std::this_thread::yield();
      brief.stop();
    }
    BOOST_REQUIRE(frames == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
