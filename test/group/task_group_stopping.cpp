// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// request_stop(), is_stopping() and wait_stopping().

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_stopping, pool_fixture)

// Ends when it is asked to stop, and counts that in `obeyed`.
task<> obeys(task_group& group, std::atomic<int>& obeyed) {
  co_await group.wait_stopping();
  if (group.is_stopping() && !group.is_cancelled())
    ++obeyed;
}

BOOST_AUTO_TEST_CASE(children_may_poll_for_it) {
  auto polls = [](task_group& group) -> task<> {
    while (!group.is_stopping())
      co_await checkpoint();
  };
  task_group group(pool);
  for (int i = 0; i != 3; ++i)
    wait(group.spawn(polls, std::ref(group)));
  group.request_stop();
  BOOST_TEST(!group.is_cancelled());
  wait(group.spawn(polls, std::ref(group))); // It is open still.
  wait(group.join());
  BOOST_TEST(group.stats().completed == 4u);
}

BOOST_AUTO_TEST_CASE(wait_stopping_ends_with_a_cancel_and_with_join_too) {
  std::atomic<int> obeyed{0};
  task_group asked(pool);
  wait(asked.spawn(obeys, std::ref(asked), std::ref(obeyed)));
  asked.request_stop();
  asked.request_stop();
  wait(asked.join());
  BOOST_TEST(obeyed == 1);

  task_group cancelled(pool);
  auto outside = cancelled.wait_stopping()(asio::use_future);
  cancelled.cancel();
  outside.get();
  BOOST_TEST(cancelled.is_stopping());
  wait(cancelled.wait_stopping());
  wait(cancelled.join());

  for (bool with_child : {false, true}) {
    gate door(pool.get_executor());
    task_group joined(pool);
    auto told = joined.wait_stopping()(asio::use_future);
    if (with_child)
      wait(joined.spawn(waits_for(door)));
    auto end = joined.join()(asio::use_future);
    door.open();
    end.get();
    told.get();
    BOOST_TEST(!joined.is_stopping());
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_stopping_leaves_the_group_alone) {
  task_group group(pool);
  std::atomic<bool> waiting{false};
  auto waits = [&]() -> task<> {
    waiting = true;
    co_await group.wait_stopping();
  };
  task_group leaves(pool);
  wait(leaves.spawn(waits));
  block_until([&] { return waiting.load(); });
  leaves.cancel();
  wait(leaves.join());
  BOOST_TEST(leaves.stats().cancelled == 1u);
  BOOST_TEST(!group.is_stopping());
} // No waiter: the group needs no join().

BOOST_AUTO_TEST_CASE(the_request_and_a_cancelled_wait_may_race) {
  int told = 0;
  int aborted = 0;
  for (int round = 0; round != 300 && (told < 20 || aborted < 20); ++round) {
    task_group group(pool);
    task_group leaves(pool);
    std::atomic<bool> waiting{false};
    auto waits = [&]() -> task<> {
      waiting = true;
      try {
        co_await group.wait_stopping();
        ++told;
      } catch (const boost::system::system_error&) {
        ++aborted;
      }
    };
    wait(leaves.spawn(waits));
    block_until([&] { return waiting.load(); });
    std::thread asks([&] { group.request_stop(); });
    for (int spin = round % 50; spin != 0; --spin)
      std::this_thread::yield();
    leaves.cancel();
    asks.join();
    wait(leaves.join());
    BOOST_REQUIRE(told + aborted == round + 1);
  }
}

BOOST_AUTO_TEST_CASE(an_asio_awaitable_may_wait_too) {
  task_group group(pool);
  auto main = [&]() -> asio::awaitable<void> {
    std::thread asks([&] { group.request_stop(); });
    co_await group.wait_stopping();
    asks.join();
  };
  run_foreign(main());
  BOOST_TEST(group.is_stopping());
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_a_group_may_go_while_one_waits) {
  std::optional<weir::runtime> other(std::in_place, 2);
  {
    task_group group(*other);
    group.wait_stopping()(asio::detached);
    auto waits = [&]() -> task<> { co_await group.wait_stopping(); };
    wait(group.spawn(waits));
    other->stop();
  }
  other.reset();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
