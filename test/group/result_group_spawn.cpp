// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What may be spawned, and its outcome.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/named.hpp>
#include <weir/result_group.hpp>
#include <weir/task.hpp>

#include "support/counted.hpp"
#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/throws_when_moved.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(result_group_spawn, pool_fixture)

using boost::system::system_error;
using weir::result_group;

task<int> gives(int n) {
  co_await checkpoint();
  co_return n;
}
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}

BOOST_AUTO_TEST_CASE(spawning_from_children_makes_progress_at_any_cap) {
  for (std::size_t cap : caps) {
    result_group<int> group(pool, {.max_in_flight = cap});
    auto leaf = [](int n) -> task<int> { co_return n; };
    auto node = [&]() -> task<int> {
      for (int i = 0; i != 3; ++i)
        co_await group.spawn(leaf, i);
      co_return 100;
    };
    for (int i = 0; i != 4; ++i)
      wait(group.spawn(node));
    int sum = 0;
    for (int each : values(wait(group.join())))
      sum += each;
    BOOST_TEST(sum == 4 * 100 + 4 * 3);
  }
}

BOOST_AUTO_TEST_CASE(work_of_every_kind_gives_a_result) {
  auto awaits = []() -> asio::awaitable<int> { co_return 2; };
  auto adds = [](int a, std::unique_ptr<int> b) -> task<int> {
    co_return a + *b;
  };
  result_group<long> group(pool);
  wait(group.spawn([]() -> task<long> { co_return 1; }()));
  wait(group.spawn(awaits()));
  wait(group.spawn(awaits));
  wait(group.spawn(adds, 3, std::make_unique<int>(4)));
  BOOST_TEST((values(wait(group.join())) == std::vector<long>{1, 2, 2, 7}));
}

BOOST_AUTO_TEST_CASE(a_refused_child_is_left_as_it_was) {
  gate door(pool.get_executor());
  result_group<int> group(pool, {.max_in_flight = 1});
  BOOST_TEST((group.try_spawn(gives_after(door, 1)) == spawn_status::started));
  task<int> second = named("second", gives(2));
  BOOST_TEST((group.try_spawn(std::move(second)) == spawn_status::full));
  BOOST_TEST(static_cast<bool>(second));
  door.open();
  block_until([&] { return group.stats().in_flight == 0; });
  BOOST_TEST((group.try_spawn(std::move(second)) == spawn_status::started));
  BOOST_TEST((values(wait(group.join())) == std::vector<int>{1, 2}));
  BOOST_TEST((group.try_spawn(gives(3)) == spawn_status::closed));
}

BOOST_AUTO_TEST_CASE(a_value_that_throws_when_it_is_moved_is_an_error) {
  int moves = 0;
  for (bool reaches_the_list = false; !reaches_the_list; ++moves) {
    BOOST_TEST_REQUIRE(moves < 20);
    result_group<throws_when_moved> group(pool,
                                          {.errors = on_error::keep_going});
    std::string text;
    auto main = [&]() -> task<> {
      co_await group.spawn(gives_throwing, moves);
      const auto r = co_await group.join();
      text = text_of(r.front().error());
    };
    try {
      run(main());
      BOOST_TEST(text == "moved too often");
      BOOST_TEST(group.stats().failed == 1u);
    } catch (const std::runtime_error&) {
      BOOST_TEST(group.stats().failed == 0u); // The joiner's move threw.
      reaches_the_list = true;
    }
  }
  BOOST_TEST(moves > 2);
}

BOOST_AUTO_TEST_CASE(results_nobody_took_go_with_the_group) {
  std::atomic<int> alive{0};
  auto child = [&]() -> task<counted> { co_return counted(alive); };
  {
    result_group<counted> group(pool);
    for (int i = 0; i != 10; ++i)
      wait(group.spawn(child));
    auto fails_late = [&]() -> task<counted> {
      if (alive == 10)
        throw std::runtime_error("late");
      co_return counted(alive);
    };
    block_until([&] { return group.stats().completed == 10; });
    BOOST_TEST(alive == 10);
    wait(group.spawn(fails_late));
    BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
    BOOST_TEST(alive == 10);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_at_the_call) {
  BOOST_CHECK_EXCEPTION(result_group<int>(pool, {.max_in_flight = 0}),
                        std::invalid_argument,
                        says("max_in_flight is 0"));
  result_group<int> group(pool);
  BOOST_CHECK_EXCEPTION((void)group.spawn(task<int>()),
                        std::invalid_argument,
                        says("weir::result_group::spawn"));
  task<int> (*null)() = nullptr;
  BOOST_CHECK_EXCEPTION((void)group.spawn(null),
                        std::invalid_argument,
                        says("the callable is empty"));
  BOOST_CHECK_THROW((void)group.try_spawn(task<int>()), std::invalid_argument);
  BOOST_TEST(wait(group.join()).empty());
}

BOOST_AUTO_TEST_CASE(a_coroutine_of_asio_joins_it) {
  result_group<int> group(pool);
  auto main = [&]() -> asio::awaitable<std::vector<result<int>>> {
    co_await group.spawn(gives(5));
    co_return co_await group.join()(asio::use_awaitable);
  };
  BOOST_TEST((values(run_foreign(main())) == std::vector<int>{5}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
