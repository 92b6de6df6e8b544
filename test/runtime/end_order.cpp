// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The order of the steps at the end of a runtime. An operation whose
// cancellation waits forces the threads into the order in which an error would
// show.

#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/until.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace weir::test {

struct end_order_fixture {
  watchdog dog{std::chrono::seconds(120)};
};

BOOST_FIXTURE_TEST_SUITE(end_order, end_order_fixture)

using boost::system::error_code;
using boost::system::system_error;

// Completes when the test calls complete(), and calls `when_cancelled` on the
// thread that cancels it.
class held_operation final {
public:
  explicit held_operation(std::function<void()> when_cancelled = [] {})
      : when_cancelled_(std::move(when_cancelled)) {}
  held_operation(const held_operation&) = delete;
  held_operation& operator=(const held_operation&) = delete;

  auto wait() {
    return asio::async_initiate<const asio::deferred_t, void(error_code)>(
        [this](auto handler) {
          asio::get_associated_cancellation_slot(handler).assign(
              [this](asio::cancellation_type) {
                when_cancelled_();
                is_cancelled = true;
              });
          auto kept = std::make_shared<decltype(handler)>(std::move(handler));
          complete_ = [kept] {
            asio::dispatch(asio::get_associated_executor(*kept), [kept] {
              std::move (*kept)(asio::error::operation_aborted);
            });
          };
          is_waiting = true;
        },
        asio::deferred);
  }
  void complete() { std::exchange(complete_, nullptr)(); }

  std::atomic<bool> is_waiting{false};
  std::atomic<bool> is_cancelled{false};

private:
  std::function<void()> when_cancelled_;
  std::function<void()> complete_;
};

// For a pool of one thread: returns when everything in its queue has run.
void let_run(weir::runtime& pool) {
  std::promise<void> ran;
  asio::post(pool.get_executor(), [&] { ran.set_value(); });
  ran.get_future().wait();
}

// All tasks are marked, and the end waits for them: it has a timer for a stall.
bool are_all_marked(weir::runtime& pool) { return pool.stats().timers != 0; }

// For a pool of one thread: keeps it busy until all tasks are marked.
void hold_until_marked(weir::runtime& pool) {
  std::atomic<bool> is_held{false};
  asio::post(pool.get_executor(), [&pool, &is_held] {
    is_held = true;
    block_until([&pool] { return are_all_marked(pool); });
  });
  block_until([&is_held] { return is_held.load(); });
}

BOOST_AUTO_TEST_CASE(a_child_is_told_of_the_end_before_its_group_is_cancelled) {
  weir::runtime pool(1);
  gate never(pool.get_executor());
  std::atomic<int> went_on{0};
  held_operation* itself = nullptr;
  held_operation last([&] {
    let_run(pool); // runs the task that was marked before
    itself->complete();
  });
  itself = &last;
  {
    task_group group(pool);
    auto waits = [&]() -> task<> { co_await last.wait(); };
    auto goes_on = [&]() -> task<> {
      try {
        co_await never.wait();
      } catch (const system_error&) {
        ++went_on;
        throw;
      }
    };
    group.spawn(waits())(asio::use_future).get();
    block_until([&] { return last.is_waiting.load(); });
    group.spawn(goes_on())(asio::use_future).get();
    block_until([&] { return never.arrivals() == 1; });
    pool.stop();
  }
  BOOST_TEST(went_on == 0);
}

BOOST_AUTO_TEST_CASE(no_frame_goes_while_another_task_waits) {
  weir::runtime pool(1);
  gate never(pool.get_executor());
  std::atomic<bool> is_complete{false};
  std::atomic<bool> was_early{false};
  held_operation slow([&] { let_run(pool); });
  auto quick = [&]() -> task<> {
    const on_scope_exit looks([&] {
      if (!is_complete)
        was_early = true;
    });
    co_await never.wait();
  };
  auto waits = [&]() -> task<> { co_await slow.wait(); };
  // One of the two quick tasks is marked before the one that waits.
  weir::co_spawn(pool, quick(), asio::detached);
  weir::co_spawn(pool, waits(), asio::detached);
  weir::co_spawn(pool, quick(), asio::detached);
  block_until([&] { return slow.is_waiting && never.arrivals() == 2; });
  std::thread stops([&] { pool.stop(); });
  block_until([&] { return slow.is_cancelled.load(); });
  block_until([&] { return was_early || are_all_marked(pool); });
  is_complete = true;
  slow.complete();
  stops.join();
  BOOST_TEST(!was_early);
}

BOOST_AUTO_TEST_CASE(a_join_of_a_group_that_another_task_made_is_withdrawn) {
  weir::runtime pool(1);
  gate never(pool.get_executor());
  std::atomic<int> alive{0};
  std::promise<task_group*> made;
  auto child = [&]() -> task<> {
    const counted mine(alive);
    co_await never.wait();
  };
  auto makes = [&]() -> task<> {
    const counted mine(alive);
    task_group group(pool);
    co_await group.spawn(child());
    made.set_value(&group);
    co_await never.wait();
  };
  std::atomic<bool> joins_now{false};
  auto joins = [&](task_group& group) -> task<> {
    const counted mine(alive);
    joins_now = true;
    co_await group.join();
  };
  weir::co_spawn(pool, makes(), asio::detached);
  weir::co_spawn(pool, joins(*made.get_future().get()), asio::detached);
  block_until([&] { return joins_now && never.arrivals() == 2; });
  // A child that ran before it is marked would end by the join's cancellation.
  hold_until_marked(pool);
  pool.stop();
  BOOST_TEST(alive == 0);
}

// The pool's thread only begins the end: the group's destructor, on a thread of
// the user, waits for the end of the children.
BOOST_AUTO_TEST_CASE(a_group_may_go_once_the_end_has_begun) {
  weir::runtime pool(2);
  std::atomic<int> alive{0};
  held_operation slow;
  auto waits = [&]() -> task<> {
    const counted mine(alive);
    co_await slow.wait();
  };
  std::optional<task_group> group(std::in_place, pool);
  group->spawn(waits())(asio::use_future).get();
  block_until([&] { return slow.is_waiting.load(); });
  asio::post(pool.get_executor(), [&] { pool.stop(); });
  block_until([&] { return slow.is_cancelled.load(); });
  std::thread completes([&] {
    // Either order is right. Long enough that the destructor has begun, which
    // no gate can see.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    slow.complete();
  });
  group.reset();
  BOOST_TEST(alive == 0);
  completes.join();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
