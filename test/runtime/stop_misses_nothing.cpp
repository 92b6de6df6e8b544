// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the end of a runtime could wrongly wait for for ever, not wait for, or
// leave behind.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/testing/explore_seeds.hpp>
#include <weir/with_timeout.hpp>

#include "support/counted.hpp"
#include "support/on_scope_exit.hpp"
#include "support/until.hpp"
#include "support/watchdog.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

namespace weir::test {

struct stop_misses_nothing_fixture {
  watchdog dog{std::chrono::seconds(120)};
};

namespace {
task<> sleeps(clock::duration time) { co_await sleep_for(time); }
} // namespace

BOOST_FIXTURE_TEST_SUITE(stop_misses_nothing, stop_misses_nothing_fixture)

using namespace std::chrono_literals;
using boost::system::system_error;

// The posted function holds the strand, so that the end's mark is queued behind
// it.
BOOST_AUTO_TEST_CASE(a_wait_ends_although_a_function_was_posted_to_its_task) {
  std::atomic<int> alive{0};
  testing::deterministic_runtime runtime;
  std::optional<executor> on;
  channel<int> nobody_sends(0);
  auto waits = [&]() -> task<> {
    const counted mine(alive);
    on = co_await asio::this_coro::executor;
    (void)co_await nobody_sends.receive();
  };
  weir::co_spawn(runtime.get_executor(), waits(), asio::detached);
  runtime.run(sleeps(1ms));
  BOOST_TEST(alive == 1);
  bool was_called = false;
  asio::post(*on, [&] { was_called = true; });
  runtime.stop();
  BOOST_TEST(was_called);
  BOOST_TEST(alive == 0);
}

// One group is joined before the end begins, and opened after it.
BOOST_AUTO_TEST_CASE(a_group_that_is_opened_again_takes_no_children) {
  weir::runtime pool(2);
  task_group group(pool);
  group.join()(asio::use_future).get();
  std::atomic<bool> is_stopped{false};
  std::optional<spawn_status> inside;
  auto reopens = [&]() -> task<> {
    task_group own(pool);
    co_await own.join();
    pool.stop();
    own.reopen();
    inside = own.try_spawn(returns());
    is_stopped = true;
    co_await sleep_for(1h);
  };
  weir::co_spawn(pool, reopens(), asio::detached);
  block_until([&] { return is_stopped.load(); });
  pool.stop();
  BOOST_TEST((inside == spawn_status::cancelled));
  group.reopen();
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::cancelled));
  BOOST_TEST(group.stats().in_flight == 0u);
  BOOST_CHECK_THROW(group.join()(asio::use_future).get(), system_error);
}

// The callable is copied after the group has counted the child.
class stops_when_copied {
public:
  explicit stops_when_copied(weir::runtime& pool) noexcept : pool_(pool) {}
  stops_when_copied(const stops_when_copied& other) : pool_(other.pool_) {
    pool_.stop();
    throw std::runtime_error("copied");
  }
  stops_when_copied& operator=(const stops_when_copied&) = delete;
  ~stops_when_copied() = default;
  task<> operator()() const { return returns(); }

private:
  weir::runtime& pool_;
};

BOOST_AUTO_TEST_CASE(a_child_that_could_not_be_made_is_not_waited_for) {
  weir::runtime pool(2);
  std::atomic<bool> has_thrown{false};
  auto spawns = [&]() -> task<> {
    task_group group(pool);
    const stops_when_copied child(pool);
    try {
      (void)group.try_spawn(child);
    } catch (const std::runtime_error&) {
      has_thrown = true;
    }
    co_await sleep_for(1h);
  };
  weir::co_spawn(pool, spawns(), asio::detached);
  block_until([&] { return has_thrown.load(); });
  pool.stop();
  BOOST_TEST(has_thrown);
}

// The timer may be out of the wheel, but not have fired, when the frame is
// destroyed.
BOOST_AUTO_TEST_CASE(a_deadline_that_is_due_is_not_waited_for) {
  auto waits = [](std::atomic<int>& alive) -> task<> {
    const counted mine(alive);
    try {
      co_await with_timeout(1s, sleeps(1h));
    } catch (const system_error&) { // The deadline was first.
    }
  };
  testing::explore_seeds(50, [&](testing::deterministic_runtime& runtime) {
    std::atomic<int> alive{0};
    auto stops = [&]() -> task<> {
      co_await sleep_for(1s);
      runtime.stop();
    };
    for (int i = 0; i != 3; ++i)
      weir::co_spawn(runtime.get_executor(), waits(alive), asio::detached);
    try {
      runtime.run(stops()); // It may end before the frames are destroyed.
    } catch (const system_error& e) {
      BOOST_TEST((e.code() == errc::task_abandoned));
    }
    BOOST_TEST(alive == 0);
  });
}

// Posted functions hold a reference to their task: keeping them would keep the
// task alive.
BOOST_AUTO_TEST_CASE(what_is_posted_to_a_task_that_went_is_dropped) {
  const auto token = std::make_shared<int>();
  std::atomic<int> calls{0};
  {
    weir::runtime pool(1);
    std::optional<executor> on;
    std::atomic<bool> waits{false};
    auto child = [&]() -> task<> {
      on = co_await asio::this_coro::executor;
      waits = true;
      co_await sleep_for(1h);
    };
    auto parent = [&]() -> task<> {
      const on_scope_exit post([&] {
        const auto function = [&calls, token, to = *on] { ++calls; };
        asio::post(*on, function);
        asio::dispatch(*on, function);
        on.reset();
      });
      task_group group(pool);
      co_await group.spawn(child);
      co_await group.join();
    };
    weir::co_spawn(pool, parent(), asio::detached);
    block_until([&] { return waits.load(); });
    pool.stop();
    BOOST_TEST(!on.has_value());
  }
  BOOST_TEST(calls == 0);
  BOOST_TEST(token.use_count() == 1);
}

// A thread makes a task ready, and the task ends before the call returns: a
// sanitizer checks the access. The pool's thread is awake, so that it need not
// be woken.
BOOST_AUTO_TEST_CASE(a_thread_that_wakes_a_task_may_come_back_late) {
  for (int round = 0; round != 300; ++round) {
    channel<int> values(1);
    std::atomic<bool> is_over{false};
    std::thread other;
    {
      weir::runtime pool(1);
      auto receives = [&]() -> task<> {
        (void)co_await values.receive();
        is_over = true;
      };
      auto keeps_awake = [&]() -> task<> {
        other = std::thread([&] { (void)values.try_send(1); });
        co_await until([&] { return is_over.load(); });
      };
      weir::co_spawn(pool, receives(), asio::detached);
      pool.run(keeps_awake());
    }
    other.join();
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
