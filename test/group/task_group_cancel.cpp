// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancelling a group and its children.

#include <weir/checkpoint.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/loopback.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_cancel, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

// Ten children that wait in `parked()`: cancelled before they wait, while they
// begin to wait, and later.
template <typename Parked>
void check_is_cancelled(pool_fixture& f, Parked parked) {
  for (on_cancel form : forms) {
    for (int turns : {0, 1, 3, 1000}) {
      BOOST_TEST_CONTEXT("form " << static_cast<int>(form) << ", turns "
                                 << turns) {
        std::atomic<int> alive{0};
        std::atomic<int> went_on{0};
        auto child = [&](counted) -> task<> {
          co_await parked();
          ++went_on;
        };
        task_group group(f.pool, {.cancellation = form});
        for (int i = 0; i != 10; ++i)
          f.wait(group.spawn(child, counted(alive)));
        for (int i = 0; i != turns; ++i)
          std::this_thread::yield();
        group.cancel();
        f.wait(group.join());
        BOOST_TEST(alive == 0);
        BOOST_TEST(went_on == 0);
        BOOST_TEST(group.stats().cancelled == 10u);
        BOOST_TEST(group.stats().failed == 0u);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(ends_children_in_our_sleeps) {
  check_is_cancelled(*this,
                     [] { return sleep_until(clock::time_point::max()); });
}

BOOST_AUTO_TEST_CASE(ends_children_in_timers_of_asio) {
  auto parked = [&]() -> task<> {
    asio::steady_timer timer(pool.get_executor(), std::chrono::hours(1));
    co_await timer.async_wait(asio::deferred);
  };
  check_is_cancelled(*this, parked);
}

BOOST_AUTO_TEST_CASE(ends_children_in_socket_reads) {
  auto parked = [&]() -> task<> {
    loopback pair(pool.get_executor());
    char byte = 0;
    (void)co_await pair.here.async_read_some(asio::buffer(&byte, 1),
                                             asio::deferred);
  };
  check_is_cancelled(*this, parked);
}

BOOST_AUTO_TEST_CASE(ends_children_in_awaitables_of_asio) {
  gate never(pool.get_executor());
  auto parked = [&]() -> asio::awaitable<void> { co_await never.wait(); };
  check_is_cancelled(*this, parked);
}

BOOST_AUTO_TEST_CASE(ends_children_in_endless_loops_of_checkpoints) {
  auto parked = []() -> task<> {
    for (;;)
      co_await checkpoint();
  };
  check_is_cancelled(*this, parked);
}

BOOST_AUTO_TEST_CASE(ends_children_in_nested_groups) {
  gate never(pool.get_executor());
  auto parked = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (int i = 0; i != 3; ++i)
        co_await group.spawn(waits_for(never));
    });
  };
  check_is_cancelled(*this, parked);
}

BOOST_AUTO_TEST_CASE(ends_children_that_wait_for_a_slot_of_another_group) {
  gate door(pool.get_executor());
  task_group full(pool, {.max_in_flight = 1});
  wait(full.spawn(waits_for(door)));
  check_is_cancelled(*this, [&] { return full.spawn(returns()); });
  BOOST_TEST(full.stats().waiting == 0u);
  BOOST_TEST(!full.is_cancelled());
  door.open();
  wait(full.join());
}

BOOST_AUTO_TEST_CASE(reaches_the_leaves_of_a_thousand_nested_groups) {
  struct nest {
    gate& never;
    std::atomic<int>& ended;
    task<> down(int depth) const {
      on_scope_exit count([&] { ++ended; });
      if (depth == 0) {
        co_await never.wait();
      } else {
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          co_await group.spawn(down(depth - 1));
        });
      }
    }
  };
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      const nest nested{never, ended};
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(nested.down(1000)));
      block_until([&] { return never.arrivals() == 1; });
      group.cancel();
      wait(group.join());
      BOOST_TEST(ended == 1001);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_child_may_cancel_its_own_group) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      auto cancels = [&](task_group& group) -> task<> {
        group.cancel();
        co_await never.wait(); // is cancelled itself
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(waits_and_counts(never, ended)));
      block_until([&] { return never.arrivals() == 1; });
      wait(group.spawn(cancels, std::ref(group)));
      wait(group.join());
      BOOST_TEST(ended == 1);
      BOOST_TEST(group.stats().cancelled == 2u);
    }
  }
}

BOOST_AUTO_TEST_CASE(join_waits_for_a_child_that_ignores_it) {
  gate door(pool.get_executor());
  auto stubborn = [&]() -> task<> { co_await shield(waits_for(door)); };
  task_group group(pool);
  wait(group.spawn(stubborn));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel();
  auto joined = group.join()(asio::use_future);
  BOOST_TEST((joined.wait_for(std::chrono::milliseconds(2)) ==
              std::future_status::timeout));
  door.open();
  joined.get();
}

BOOST_AUTO_TEST_CASE(a_child_that_swallows_it_has_completed) {
  gate never(pool.get_executor());
  auto swallows = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
    }
  };
  task_group group(pool);
  wait(group.spawn(swallows));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  BOOST_TEST(group.stats().completed == 1u);
  BOOST_TEST(group.stats().cancelled == 0u);
}

BOOST_AUTO_TEST_CASE(a_child_that_answers_with_an_error_has_failed) {
  gate never(pool.get_executor());
  auto answers = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("could not clean up");
    }
  };
  task_group group(pool);
  wait(group.spawn(answers));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), std::runtime_error, says("could not clean up"));
}

BOOST_AUTO_TEST_CASE(cancel_before_the_first_spawn_refuses_it) {
  std::atomic<int> calls{0};
  error_code code;
  auto main = [&]() -> task<> {
    task_group group(pool);
    group.cancel();
    try {
      co_await group.spawn(counts(calls));
    } catch (const system_error& e) {
      code = e.code();
    }
    co_await group.join();
  };
  run(main());
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(the_first_reason_counts) {
  task_group group(pool);
  BOOST_TEST(!group.is_cancelled());
  BOOST_TEST(!group.cancel_reason());
  group.cancel(asio::error::connection_reset);
  group.cancel(asio::error::eof);
  group.cancel();
  BOOST_TEST(group.is_cancelled());
  BOOST_TEST(group.cancel_reason() == asio::error::connection_reset);
  wait(group.join());

  task_group plain(pool);
  plain.cancel();
  BOOST_TEST(plain.cancel_reason() == asio::error::operation_aborted);
  wait(plain.join());
}

BOOST_AUTO_TEST_CASE(cancel_after_join_does_nothing_bad) {
  task_group group(pool);
  wait(group.spawn(returns()));
  wait(group.join());
  group.cancel();
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(cancel_from_many_threads_is_as_good_as_once) {
  for (int round = 0; round != 50; ++round) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    task_group group(pool);
    for (int i = 0; i != 10; ++i)
      wait(group.spawn(waits_and_counts(never, ended)));
    std::vector<std::thread> threads;
    for (int t = 0; t != 8; ++t)
      threads.emplace_back([&] { group.cancel(); });
    wait(group.join());
    for (std::thread& t : threads)
      t.join();
    BOOST_TEST(group.stats().cancelled == 10u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
