// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What can be spawned.

#include <weir/checkpoint.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_children, pool_fixture)

asio::awaitable<int> counts_in_asio(std::atomic<int>& calls) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  ++calls;
  co_return 1;
}

auto posts(const executor& ex) { return asio::post(ex, asio::deferred); }

BOOST_AUTO_TEST_CASE(a_child_may_be_a_task_of_any_value) {
  struct no_default {
    explicit no_default(int) {}
  };
  int object = 0;
  std::atomic<int> calls{0};
  auto value = [&]() -> task<std::string> {
    ++calls;
    co_return "dropped";
  };
  auto reference = [&]() -> task<int&> {
    ++calls;
    co_return object;
  };
  auto move_only = [&]() -> task<std::unique_ptr<int>> {
    ++calls;
    co_return std::make_unique<int>(1);
  };
  auto without_default = [&]() -> task<no_default> {
    ++calls;
    co_return no_default(1);
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(value());
    co_await group.spawn(reference());
    co_await group.spawn(move_only());
    co_await group.spawn(without_default());
    co_await group.join();
  };
  run(main());
  BOOST_TEST(calls == 4);
}

BOOST_AUTO_TEST_CASE(a_child_may_be_an_awaitable) {
  std::atomic<int> calls{0};
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != 20; ++i)
      co_await group.spawn(counts_in_asio(calls));
    co_await group.join();
  };
  run(main());
  BOOST_TEST(calls == 20);
}

BOOST_AUTO_TEST_CASE(a_child_may_be_an_operation_of_asio) {
  asio::steady_timer timer(pool.get_executor(), std::chrono::milliseconds(2));
  bool over = false;
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(timer.async_wait(asio::deferred));
    co_await group.spawn(posts(pool.get_executor()));
    co_await group.join();
    over = timer.expiry() <= asio::steady_timer::clock_type::now();
  };
  run(main());
  BOOST_TEST(over);
}

BOOST_AUTO_TEST_CASE(a_child_may_be_an_operation_of_ours) {
  gate door(pool.get_executor());
  bool was_open = false;
  auto main = [&]() -> task<> {
    task_group inner(pool);
    co_await inner.spawn(waits_for(door));
    task_group outer(pool);
    co_await outer.spawn(inner.join());
    co_await outer.spawn(sleep_for(std::chrono::milliseconds(1)));
    door.open();
    co_await outer.join();
    was_open = inner.stats().completed == 1;
  };
  run(main());
  BOOST_TEST(was_open);
}

BOOST_AUTO_TEST_CASE(a_callable_is_called_in_the_child_with_its_arguments) {
  std::atomic<int> sum{0};
  auto adds = [&](int a, std::unique_ptr<int> b) -> task<> {
    sum += a + *b;
    co_return;
  };
  auto in_asio = [&](int a) -> asio::awaitable<void> {
    sum += a;
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(adds, 1, std::make_unique<int>(10));
    co_await group.spawn(in_asio, 100);
    co_await group.spawn(posts, pool.get_executor());
    co_await group.spawn(&counts, std::ref(sum));
    co_await group.spawn([&]() -> task<> {
      sum += 1000;
      co_return;
    });
    co_await group.join();
  };
  run(main());
  BOOST_TEST(sum == 1112);
}

BOOST_AUTO_TEST_CASE(a_coroutine_may_use_the_captures_of_its_callable) {
  std::atomic<int> sum{0};
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != 10; ++i) {
      auto keeps = [&, text = std::string(100, 'x'), i]() -> task<> {
        co_await checkpoint();
        sum += i + static_cast<int>(text.size());
      };
      co_await group.spawn(keeps);
    }
    co_await group.join();
  };
  run(main());
  BOOST_TEST(sum == 45 + 1000);
}

BOOST_AUTO_TEST_CASE(each_child_has_a_copy_of_the_callable) {
  std::atomic<int> sum{0};
  auto stateful = [&, n = 0]() mutable -> task<> {
    sum += ++n;
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(stateful);
    co_await group.spawn(stateful);
    co_await group.join();
  };
  run(main());
  BOOST_TEST(sum == 2);
}

BOOST_AUTO_TEST_CASE(captures_and_arguments_are_gone_before_the_slot_is_free) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> alive{0};
      std::atomic<int> too_many{0};
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        auto child = [&](counted argument) -> task<> {
          counted local(argument);
          co_await checkpoint();
          // Each child in flight has a capture, an argument and two more.
          if (alive > static_cast<int>(4 * cap) + 1)
            ++too_many;
        };
        for (int i = 0; i != 200; ++i)
          co_await group.spawn(child, counted(alive));
        co_await group.join();
        if (alive != 0)
          ++too_many;
      };
      run(main());
      BOOST_TEST(too_many == 0);
      BOOST_TEST(alive == 0);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
