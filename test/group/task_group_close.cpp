// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What is refused after close() and join().

#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_close, pool_fixture)

using boost::system::system_error;

BOOST_AUTO_TEST_CASE(after_join_spawn_throws_group_closed) {
  std::atomic<int> alive{0};
  std::atomic<int> calls{0};
  auto child = [&](counted) -> task<> {
    ++calls;
    co_return;
  };
  boost::system::error_code code;
  int left = -1;
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.join();
    try {
      co_await group.spawn(child, counted(alive));
    } catch (const system_error& e) {
      code = e.code();
      left = alive;
    }
    co_await group.join();
  };
  run(main());
  BOOST_TEST(code == errc::group_closed);
  BOOST_TEST(calls == 0);
  BOOST_TEST(left == 0);
}

BOOST_AUTO_TEST_CASE(after_close_spawn_throws_group_closed) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool);
  wait(group.spawn(waits_for(door)));
  group.close();
  group.close();
  BOOST_CHECK_EXCEPTION(wait(group.spawn(counts(calls))),
                        system_error,
                        has_code(errc::group_closed));
  BOOST_TEST(!group.is_cancelled());
  BOOST_TEST(group.stats().in_flight == 1u); // no child was stopped
  door.open();
  wait(group.join());
  BOOST_TEST(calls == 0);
  BOOST_TEST(group.stats().completed == 1u);
  BOOST_TEST(group.stats().rejected == 1u);
}

BOOST_AUTO_TEST_CASE(close_lets_those_that_wait_already_keep_their_turn) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  std::vector<std::future<void>> waiting;
  for (int i = 0; i != 5; ++i)
    waiting.push_back(group.spawn(counts(calls))(asio::use_future));
  group.close();
  BOOST_TEST(group.stats().waiting == 5u);
  door.open();
  for (auto& spawned : waiting)
    spawned.get();
  wait(group.join());
  BOOST_TEST(calls == 5);
}

BOOST_AUTO_TEST_CASE(a_child_is_refused_after_close_too) {
  gate door(pool.get_executor());
  boost::system::error_code code;
  auto child = [&](task_group& group) -> task<> {
    co_await door.wait();
    try {
      co_await group.spawn(returns());
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  group.close();
  door.open();
  wait(group.join());
  BOOST_TEST(code == errc::group_closed);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
