// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Chains of any length use constant stack, in every build mode.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/stack_meter.hpp"
#include "support/until.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace weir::test {

// One thread, so that one stack is measured.
BOOST_FIXTURE_TEST_SUITE(task_stack, pool_of<1>)

constexpr int many = 1'000'000;
constexpr int depth = 100'000;
// The greatest allowed distance of two marks: frames of one run loop, not one
// per await.
constexpr std::size_t constant = 32 * 1024;

task<int> one() { co_return 1; }

BOOST_AUTO_TEST_CASE(a_million_children_in_a_loop_use_constant_stack) {
  stack_meter stack;
  auto main = [&]() -> task<int> {
    int sum = 0;
    for (int i = 0; i != many; ++i) {
      sum += co_await one();
      stack.mark();
    }
    co_return sum;
  };
  BOOST_TEST(run(main()) == many);
  BOOST_TEST(stack.span() < constant);
}

BOOST_AUTO_TEST_CASE(a_million_failing_children_use_constant_stack) {
  stack_meter stack;
  auto fails = []() -> task<> {
    throw 1;
    co_return;
  };
  auto main = [&]() -> task<int> {
    int caught = 0;
    // Exceptions are slow.
    for (int i = 0; i != many / 10; ++i) {
      try {
        co_await fails();
      } catch (int n) {
        caught += n;
      }
      stack.mark();
    }
    co_return caught;
  };
  BOOST_TEST(run(main()) == many / 10);
  BOOST_TEST(stack.span() < constant);
}

BOOST_AUTO_TEST_CASE(a_million_operations_done_at_once_use_constant_stack) {
  stack_meter stack;
  auto inline_op = [] {
    return asio::async_initiate<const asio::deferred_t, void(int)>(
        [](auto handler) { std::move(handler)(1); }, asio::deferred);
  };
  auto main = [&]() -> task<int> {
    int sum = 0;
    for (int i = 0; i != many; ++i) {
      sum += co_await inline_op();
      stack.mark();
    }
    co_return sum;
  };
  BOOST_TEST(run(main()) == many);
  BOOST_TEST(stack.span() < constant);
}

BOOST_AUTO_TEST_CASE(a_million_sleeps_that_are_over_use_constant_stack) {
  stack_meter stack;
  auto main = [&]() -> task<> {
    for (int i = 0; i != many; ++i) {
      co_await sleep_for(std::chrono::seconds(-1));
      stack.mark();
    }
  };
  run(main());
  BOOST_TEST(stack.span() < constant);
}

BOOST_AUTO_TEST_CASE(a_million_checkpoints_use_constant_stack) {
  stack_meter stack;
  auto main = [&]() -> task<> {
    for (int i = 0; i != many; ++i) {
      co_await checkpoint();
      stack.mark();
    }
  };
  run(main());
  BOOST_TEST(stack.span() < constant);
}

BOOST_AUTO_TEST_CASE(a_million_empty_joins_use_constant_stack) {
  stack_meter stack;
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != many; ++i) {
      co_await group.join();
      stack.mark();
    }
  };
  run(main());
  BOOST_TEST(stack.span() < constant);
}

task<int> nested(int levels, stack_meter& stack) {
  stack.mark();
  if (levels == 0)
    co_return 0;
  const int below = co_await nested(levels - 1, stack);
  stack.mark();
  co_return below + 1;
}

BOOST_AUTO_TEST_CASE(deeply_nested_awaits_use_constant_stack) {
  stack_meter stack;
  BOOST_TEST(run(nested(depth, stack)) == depth);
  BOOST_TEST(stack.span() < constant);
}

task<> nested_failure(int levels) {
  if (levels == 0)
    throw std::runtime_error("from below");
  co_await nested_failure(levels - 1);
}

BOOST_AUTO_TEST_CASE(an_exception_crosses_deeply_nested_awaits) {
  BOOST_CHECK_EXCEPTION(
      run(nested_failure(depth)), std::runtime_error, says("from below"));
}

class counts_down {
public:
  explicit counts_down(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  counts_down(const counts_down&) = delete;
  counts_down& operator=(const counts_down&) = delete;
  ~counts_down() { --alive_; }

private:
  std::atomic<int>& alive_;
};

task<> nested_wait(int levels, std::atomic<int>& alive, gate& below) {
  counts_down local(alive);
  if (levels == 0)
    co_await below.wait();
  else
    co_await nested_wait(levels - 1, alive, below);
}

BOOST_AUTO_TEST_CASE(deeply_nested_awaits_are_unwound) {
  std::atomic<int> alive{0};
  int most = 0;
  gate never(pool.get_executor());
  auto main = [&]() -> task<> {
    co_await with_task_group(
        {.cancellation = on_cancel::unwind}, [&](task_group& group) -> task<> {
          co_await group.spawn(nested_wait(depth, alive, never));
          co_await until([&] { return never.arrivals() == 1; });
          most = alive;
          group.cancel();
        });
  };
  run(main());
  BOOST_TEST(most == depth + 1);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(deeply_nested_awaits_are_cancelled_by_exception) {
  std::atomic<int> alive{0};
  gate never(pool.get_executor());
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(nested_wait(depth, alive, never));
      co_await until([&] { return never.arrivals() == 1; });
      group.cancel();
    });
  };
  run(main());
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(deeply_nested_awaits_are_destroyed_by_stop) {
  std::atomic<int> alive{0};
  gate never(pool.get_executor());
  weir::co_spawn(pool, nested_wait(depth, alive, never), asio::detached);
  block_until([&] { return never.arrivals() == 1; });
  BOOST_TEST(alive == depth + 1);
  pool.stop();
  BOOST_TEST(alive == 0);
}

// Each child spawns the next one.
task<> generations(task_group& group, int left, stack_meter& stack) {
  stack.mark();
  if (left != 0)
    co_await group.spawn(generations(group, left - 1, stack));
}

BOOST_AUTO_TEST_CASE(children_that_spawn_children_use_constant_stack) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      stack_meter stack;
      std::uint64_t completed = 0;
      auto main = [&]() -> task<> {
        task_group group(pool, {.max_in_flight = cap});
        co_await group.spawn(generations(group, 2 * depth, stack));
        co_await group.join();
        completed = group.stats().completed;
      };
      run(main());
      BOOST_TEST(completed == 2u * depth + 1);
      BOOST_TEST(stack.span() < constant);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_waiting_spawns_are_refused_at_once) {
  gate never(pool.get_executor());
  std::atomic<int> refused{0};
  auto main = [&]() -> task<> {
    task_group full(pool, {.max_in_flight = 1});
    auto holds = [&]() -> task<> { co_await never.wait(); };
    co_await full.spawn(holds);
    auto waits = [&]() -> task<> {
      try {
        co_await full.spawn(one());
      } catch (const boost::system::system_error&) {
        ++refused;
      }
    };
    task_group waiters(pool);
    for (int i = 0; i != depth; ++i)
      co_await waiters.spawn(waits);
    co_await until([&] { return full.stats().waiting == depth; });
    full.cancel();
    co_await waiters.join();
    co_await full.join();
  };
  run(main());
  BOOST_TEST(refused == depth);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
