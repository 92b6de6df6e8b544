// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// on_error::keep_going and collect().

#include <weir/group_error.hpp>
#include <weir/named.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_collect, pool_fixture)

BOOST_AUTO_TEST_CASE(keep_going_lets_the_siblings_run_on) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      std::atomic<bool> failed{false};
      auto fails = [&]() -> task<> {
        failed = true;
        throw std::runtime_error("first");
        co_return;
      };
      task_group group(pool,
                       {.max_in_flight = cap, .errors = on_error::keep_going});
      wait(group.spawn(fails));
      block_until([&] { return group.stats().failed == 1; });
      wait(group.spawn(fails_with("second")));
      for (int i = 0; i != 20; ++i)
        wait(group.spawn(counts(calls)));
      BOOST_TEST(!group.is_cancelled());
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), std::runtime_error, says("first"));
      BOOST_TEST(calls == 20);
      BOOST_TEST(group.stats().failed == 2u);
      BOOST_TEST(group.stats().completed == 20u);
    }
  }
}

BOOST_AUTO_TEST_CASE(collect_keeps_the_first_errors_ordered_by_spawn) {
  std::vector<std::unique_ptr<gate>> doors;
  for (int i = 0; i != 5; ++i)
    doors.push_back(std::make_unique<gate>(pool.get_executor()));
  auto fails = [&](std::size_t n) -> task<> {
    co_await doors[n]->wait();
    throw std::runtime_error("error " + std::to_string(n));
  };
  task_group group(pool, {.errors = collect(3)});
  wait(group.spawn(returns())); // spawn index 0
  for (std::size_t n = 0; n != 5; ++n)
    wait(group.spawn(named("fetch", fails(n))));
  // They fail in the order 4, 2, 0, 1, 3: kept are the first three.
  std::uint64_t failed = 0;
  for (std::size_t n : {4u, 2u, 0u, 1u, 3u}) {
    doors[n]->open();
    ++failed;
    block_until([&] { return group.stats().failed == failed; });
  }
  try {
    wait(group.join());
    BOOST_ERROR("join() completed");
  } catch (const group_error& e) {
    BOOST_TEST(e.failed() == 5u);
    BOOST_REQUIRE(e.errors().size() == 3u);
    const std::uint64_t indices[] = {1, 3, 5};
    const char* texts[] = {"error 0", "error 2", "error 4"};
    for (std::size_t i = 0; i != 3; ++i) {
      BOOST_TEST(e.errors()[i].index == indices[i]);
      BOOST_TEST(e.errors()[i].name == "fetch");
      BOOST_TEST(text_of(e.errors()[i].error) == texts[i]);
    }
    BOOST_TEST(says("5")(e));
    BOOST_TEST(says("fetch")(e));
    BOOST_TEST(says("error 0")(e));
    const group_error copy = e;
    BOOST_TEST(&copy.errors() == &e.errors());
  }
}

BOOST_AUTO_TEST_CASE(collect_throws_a_group_error_even_for_one) {
  task_group group(pool, {.errors = collect(10)});
  wait(group.spawn(fails_with("only")));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), group_error, [](const group_error& e) {
        return e.errors().size() == 1 && e.failed() == 1 &&
               e.errors()[0].name.empty();
      });
}

BOOST_AUTO_TEST_CASE(collect_without_failures_throws_nothing) {
  task_group group(pool, {.errors = collect(10)});
  wait(group.spawn(returns()));
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(collect_leaves_the_children_we_cancelled_out) {
  gate never(pool.get_executor());
  task_group group(pool, {.errors = collect(10)});
  for (int i = 0; i != 3; ++i)
    wait(group.spawn(waits_for(never)));
  wait(group.spawn(fails_with("real")));
  block_until([&] { return group.stats().failed == 1; });
  group.cancel();
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), group_error, [](const group_error& e) {
        return e.failed() == 1 && e.errors().size() == 1;
      });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
