// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Two operations on a group at once. Each case runs until it has seen both
// outcomes, or until repeat() ends it: the explorer shows that both can occur.

#include <weir/checkpoint.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "../support/gate.hpp"
#include "../support/until.hpp"
#include "../support/work.hpp"
#include "seed.hpp"
#include "stress_fixture.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(group_races, stress_fixture)

using boost::system::system_error;
using namespace std::chrono_literals;

task<> steps(std::size_t n) {
  for (; n != 0; --n)
    co_await checkpoint();
}

// A spawn that waits, a child that ends and a cancellation, all at once.
BOOST_AUTO_TEST_CASE(a_free_slot_and_a_cancelled_waiter_may_race) {
  int admitted = 0;
  int refused = 0;
  auto round = [&](int number) {
    chance random(static_cast<std::uint64_t>(number));
    gate door(pool.get_executor());
    std::atomic<int> behind{0};
    task_group group(pool, {.max_in_flight = 1});
    wait(group.spawn(waits_for(door)));
    std::atomic<bool> got{false};
    auto asks = [&]() -> task<> {
      co_await group.spawn(returns());
      got = true;
    };
    task_group leaves(pool);
    wait(leaves.spawn(asks));
    block_until([&] { return group.stats().waiting == 1; });
    auto last = group.spawn(counts(behind))(asio::use_future);
    std::thread opener([&] { door.open(); });
    for (std::size_t spin = random.below(20); spin != 0; --spin)
      std::this_thread::yield();
    leaves.cancel();
    wait(leaves.join());
    opener.join();
    // In each outcome the spawn that is queued behind gets its turn.
    last.get();
    wait(group.join());
    BOOST_TEST(behind == 1);
    BOOST_TEST(group.stats().spawned == (got ? 3u : 2u));
    ++(got ? admitted : refused);
  };
  repeat(500ms, round, [&] { return admitted > 10 && refused > 10; });
}

BOOST_AUTO_TEST_CASE(the_last_child_and_join_may_race) {
  auto round = [&](int number) {
    chance random(static_cast<std::uint64_t>(number));
    const std::size_t n = 1 + random.below(4);
    std::atomic<int> calls{0};
    task_group group(pool);
    for (std::size_t i = 0; i != n; ++i)
      group.spawn(counts(calls))(asio::detached);
    std::vector<std::future<void>> joins;
    for (std::size_t i = 0; i != 3; ++i)
      joins.push_back(group.join()(asio::use_future));
    for (auto& joined : joins)
      joined.get();
    BOOST_TEST(calls == static_cast<int>(n));
  };
  repeat(500ms, round, [] { return true; });
}

BOOST_AUTO_TEST_CASE(two_failing_children_may_race) {
  int first = 0;
  int second = 0;
  auto round = [&](int) {
    std::atomic<int> ready{0};
    auto fails = [&](const char* name) -> task<> {
      ++ready;
      for (int i = 0; i != 200 && ready != 2; ++i)
        co_await checkpoint();
      throw std::runtime_error(name);
    };
    task_group group(pool);
    const char* a = "first";
    const char* b = "second";
    group.spawn(fails, a)(asio::detached);
    group.spawn(fails, b)(asio::detached);
    try {
      wait(group.join());
    } catch (const std::runtime_error& e) {
      ++(e.what() == std::string(a) ? first : second);
    }
    const task_group_stats s = group.stats();
    BOOST_TEST(s.failed + s.cancelled == s.spawned);
    BOOST_TEST(s.failed >= 1u);
  };
  repeat(300ms, round, [&] { return first > 5 && second > 5; });
}

BOOST_AUTO_TEST_CASE(cancel_and_the_end_of_a_child_may_race) {
  int completed = 0;
  int cancelled = 0;
  auto round = [&](int number) {
    chance random(static_cast<std::uint64_t>(number));
    task_group group(pool);
    wait(group.spawn(steps(random.below(30))));
    for (std::size_t spin = random.below(10); spin != 0; --spin)
      std::this_thread::yield();
    group.cancel();
    wait(group.join());
    const task_group_stats s = group.stats();
    BOOST_TEST(s.completed + s.cancelled == 1u);
    ++(s.completed == 1 ? completed : cancelled);
  };
  repeat(300ms, round, [&] { return completed > 10 && cancelled > 10; });
}

BOOST_AUTO_TEST_CASE(the_deadline_and_join_may_race) {
  int in_time = 0;
  int late = 0;
  auto round = [&](int number) {
    chance random(static_cast<std::uint64_t>(number));
    task_group group(pool);
    auto sleeps = [](std::size_t us) -> task<> {
      co_await sleep_for(std::chrono::microseconds(us));
    };
    group.cancel_after(std::chrono::microseconds(random.below(3000)));
    group.spawn(sleeps, random.below(3000))(asio::detached);
    try {
      wait(group.join());
      ++in_time;
    } catch (const system_error& e) {
      BOOST_TEST(e.code() == asio::error::timed_out);
      ++late;
    }
  };
  repeat(300ms, round, [&] { return in_time > 5 && late > 5; });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
