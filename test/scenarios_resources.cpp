// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Many tasks, little of everything else.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(scenarios_resources)

BOOST_FIXTURE_TEST_CASE(a_million_children_that_never_wait_starve_nobody,
                        pool_of<1>) {
  constexpr int n = sanitized ? 100'000 : 1'000'000;
  std::atomic<bool> over{false};
  std::atomic<int> calls{0};
  std::atomic<int> turns{0};    // of another task
  std::atomic<int> handlers{0}; // of Asio's
  struct reposts {
    weir::runtime& pool;
    std::atomic<bool>& over;
    std::atomic<int>& handlers;
    void operator()() const {
      ++handlers;
      if (!over)
        asio::post(pool.get_executor(), *this);
    }
  };
  auto takes_turns = [&]() -> task<> {
    while (!over) {
      ++turns;
      co_await checkpoint();
    }
  };
  int turns_inside = 0;
  int handlers_inside = 0;
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 100});
    task_group others(pool);
    co_await others.spawn(takes_turns);
    asio::post(pool.get_executor(), reposts{pool, over, handlers});
    for (int i = 0; i != n; ++i)
      co_await group.spawn(counts(calls));
    co_await group.join();
    turns_inside = turns;
    handlers_inside = handlers;
    over = true;
    co_await others.join();
  };
  run(main());
  BOOST_TEST(calls == n);
  BOOST_TEST(turns_inside > 100);
  BOOST_TEST(handlers_inside > 100);
}

// One frame of the stack for each would not fit.
BOOST_FIXTURE_TEST_CASE(a_million_that_wait_are_refused_and_destroyed_in_a_loop,
                        pool_of<1>) {
  constexpr int n = sanitized ? 100'000 : 1'000'000;
  for (bool cancels : {true, false}) {
    BOOST_TEST_CONTEXT("cancels " << cancels) {
      std::atomic<int> refused{0};
      weir::runtime own(1);
      gate never(own.get_executor());
      task_group group(own, {.max_in_flight = 1});
      group.spawn(waits_for(never))(asio::use_future).get();
      for (int i = 0; i != n; ++i)
        group.spawn(returns())(
            [&](boost::system::error_code ec) { refused += ec.failed(); });
      BOOST_TEST(group.stats().waiting == static_cast<unsigned>(n));
      if (!cancels) {
        own.stop();
        BOOST_TEST(group.stats().waiting == 0u);
        continue;
      }
      group.cancel();
      group.join()(asio::use_future).get();
      block_until([&] { return refused == n; });
      BOOST_TEST(group.stats().rejected == static_cast<unsigned>(n));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
