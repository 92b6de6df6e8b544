// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the tests of panjf2000/ants assert, under their names. A pool is a
// group with a cap; Submit(f) is spawn(f()), Invoke(arg) of a pool with a
// function is spawn(f, arg). The pools with a type are in ants_queue.cpp.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/reserve_tasks.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(ants, pool_fixture)

using namespace std::chrono_literals;

struct submit {
  template <typename F, typename... Args>
  static auto start(task_group& group, F f, Args&&... args) {
    return group.spawn(f(std::forward<Args>(args)...));
  }
};
struct invoke {
  template <typename F, typename... Args>
  static auto start(task_group& group, F f, Args&&... args) {
    return group.spawn(f, std::forward<Args>(args)...);
  }
};

task<> adds(std::atomic<int>& sum, int n) {
  co_await checkpoint();
  sum += n;
}

task<> fails_as_told(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

// --- more work than slots ---

template <typename Way>
void all_get_a_slot(pool_fixture& f, bool prepared) {
  constexpr int tasks = 20'000;
  constexpr std::size_t cap = 200;
  std::atomic<int> sum{0};
  std::size_t peak = 0;
  if (prepared)
    reserve_tasks(cap, adds, std::ref(sum), 1);
  auto main = [&]() -> task<> {
    task_group group(f.pool, {.max_in_flight = cap});
    for (int i = 0; i != tasks; ++i)
      co_await Way::start(group, adds, std::ref(sum), 1);
    co_await group.join();
    peak = group.stats().peak;
  };
  f.run(main());
  BOOST_TEST(sum == tasks);
  BOOST_TEST(peak <= cap);
}

BOOST_AUTO_TEST_CASE(TestAntsPoolWaitToGetWorker) {
  all_get_a_slot<submit>(*this, false);
}
BOOST_AUTO_TEST_CASE(TestAntsPoolWaitToGetWorkerPreMalloc) {
  all_get_a_slot<submit>(*this, true);
}
BOOST_AUTO_TEST_CASE(TestAntsPoolWithFuncWaitToGetWorker) {
  all_get_a_slot<invoke>(*this, false);
}
BOOST_AUTO_TEST_CASE(TestAntsPoolWithFuncWaitToGetWorkerPreMalloc) {
  all_get_a_slot<invoke>(*this, true);
}

task<> naps(std::atomic<int>& ended) {
  co_await sleep_for(10ms);
  ++ended;
}

void all_nap(pool_fixture& f, std::size_t cap) {
  std::atomic<int> ended{0};
  auto main = [&]() -> task<> {
    task_group group(f.pool, {.max_in_flight = cap});
    for (int i = 0; i != 2'000; ++i)
      co_await group.spawn(naps(ended));
    co_await group.join();
  };
  f.run(main());
  BOOST_TEST(ended == 2'000);
}

BOOST_AUTO_TEST_CASE(TestNoPool) { all_nap(*this, unlimited); }
BOOST_AUTO_TEST_CASE(TestAntsPool) { all_nap(*this, 1'000); }

// --- panics ---

template <typename Way>
void handler_is_called_once_for_each(pool_fixture& f) {
  std::atomic<int> handled{0};
  task_group group(f.pool,
                   {.max_in_flight = 10, .errors = on_error::keep_going});
  group.set_error_hook([&](const task_failure&) { ++handled; });
  f.wait(Way::start(group, fails_as_told, "Oops!"));
  f.wait(group.wait_idle());
  BOOST_TEST(handled == 1);
  BOOST_TEST(group.stats().in_flight == 0u);
  f.wait(Way::start(group, fails_as_told, "Again!"));
  BOOST_CHECK_EXCEPTION(
      f.wait(group.join()), std::runtime_error, says("Oops!"));
  BOOST_TEST(handled == 2);
  BOOST_TEST(group.stats().failed == 2u);
}

BOOST_AUTO_TEST_CASE(TestPanicHandler) {
  handler_is_called_once_for_each<submit>(*this);
}
BOOST_AUTO_TEST_CASE(TestPanicHandlerWithFunc) {
  handler_is_called_once_for_each<invoke>(*this);
}

template <typename Way>
void is_usable_without_handler(pool_fixture& f) {
  std::atomic<int> sum{0};
  task_group group(f.pool,
                   {.max_in_flight = 10, .errors = on_error::keep_going});
  f.wait(Way::start(group, fails_as_told, "Oops!"));
  f.wait(group.wait_idle());
  f.wait(Way::start(group, adds, std::ref(sum), 7));
  BOOST_CHECK_EXCEPTION(
      f.wait(group.join()), std::runtime_error, says("Oops!"));
  BOOST_TEST(sum == 7);
}

BOOST_AUTO_TEST_CASE(TestPoolPanicWithoutHandler) {
  is_usable_without_handler<submit>(*this);
}
BOOST_AUTO_TEST_CASE(TestPoolFuncPanicWithoutHandler) {
  is_usable_without_handler<invoke>(*this);
}

// --- full ---

BOOST_AUTO_TEST_CASE(TestNonblockingSubmit) {
  constexpr std::size_t cap = 10;
  gate door(pool.get_executor());
  gate first(pool.get_executor());
  task_group group(pool, {.max_in_flight = cap});
  BOOST_TEST((group.try_spawn(waits_for(first)) == spawn_status::started));
  for (std::size_t i = 1; i != cap; ++i)
    BOOST_TEST(
        (group.try_spawn(waits_for, std::ref(door)) == spawn_status::started));
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  BOOST_TEST((group.try_spawn(returns) == spawn_status::full));
  first.open();
  block_until([&] { return group.stats().in_flight < cap; });
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::started));
  door.open();
  wait(group.join());
}

template <typename Way>
void one_may_wait(pool_fixture& f) {
  gate door(f.pool.get_executor());
  task_group group(f.pool, {.max_in_flight = 2, .max_waiting = 1});
  f.wait(group.spawn(waits_for(door)));
  f.wait(group.spawn(waits_for(door)));
  std::atomic<int> calls{0};
  auto waiter = Way::start(group, counts, std::ref(calls))(asio::use_future);
  block_until([&] { return group.stats().waiting == 1; });
  BOOST_CHECK_EXCEPTION(f.wait(Way::start(group, counts, std::ref(calls))),
                        boost::system::system_error,
                        has_code(errc::overloaded));
  door.open();
  waiter.get();
  f.wait(group.join());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(TestMaxBlockingSubmit) { one_may_wait<submit>(*this); }
BOOST_AUTO_TEST_CASE(TestMaxBlockingSubmitWithFunc) {
  one_may_wait<invoke>(*this);
}

template <typename Way>
void tuning_up_admits_as_many(pool_fixture& f) {
  gate door(f.pool.get_executor());
  task_group group(f.pool, {.max_in_flight = 2});
  f.wait(group.spawn(waits_for(door)));
  f.wait(group.spawn(waits_for(door)));
  std::vector<std::future<void>> waiters;
  for (int i = 0; i != 6; ++i)
    waiters.push_back(
        Way::start(group, waits_for, std::ref(door))(asio::use_future));
  block_until([&] { return group.stats().waiting == 6; });
  group.set_max_in_flight(3);
  waiters[0].get(); // The oldest, and only that one.
  BOOST_TEST(group.stats().waiting == 5u);
  BOOST_TEST(group.stats().in_flight == 3u);
  group.set_max_in_flight(8);
  for (std::size_t i = 1; i != waiters.size(); ++i)
    waiters[i].get();
  BOOST_TEST(group.stats().waiting == 0u);
  BOOST_TEST(group.stats().in_flight == 8u);
  door.open();
  f.wait(group.join());
}

BOOST_AUTO_TEST_CASE(TestPoolTuneScaleUp) {
  tuning_up_admits_as_many<submit>(*this);
}
BOOST_AUTO_TEST_CASE(TestPoolTuneScaleUpWithFunc) {
  tuning_up_admits_as_many<invoke>(*this);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
