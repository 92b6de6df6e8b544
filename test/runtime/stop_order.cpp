// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Objects on a runtime that is stopped while the work that they have begun is
// still queued, or is older than its waiter: see stop_objects.cpp.

#include <weir/blocking_pool.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/offload.hpp>
#include <weir/runtime.hpp>
#include <weir/single_flight.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/work_queue.hpp>

#include "support/gate.hpp"
#include "support/hold.hpp"
#include "support/on_scope_exit.hpp"
#include "support/parcel.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(stop_order)

using boost::system::system_error;

// The consumers' frames are destroyed before the owner's, although no consumer
// has a wait to end.
BOOST_AUTO_TEST_CASE(a_work_queue_whose_consumers_have_not_begun) {
  watchdog dog;
  std::atomic<int> alive{0};
  std::atomic<bool> stopped{false};
  int left = 0;
  int went_on = 0;
  {
    using object = weir::work_queue<parcel>;
    weir::runtime pool(1);
    auto drains = [&](std::optional<object>& q) -> task<> {
      on_scope_exit count([&] { ++left; });
      pool.stop();
      stopped = true;
      co_await q->drain();
      ++went_on;
    };
    auto owns = [&]() -> task<> {
      on_scope_exit count([&] { ++left; });
      std::optional<object> q;
      weir::co_spawn(pool, drains(q), asio::detached); // before the consumers
      q.emplace(pool,
                work_queue_options{.consumers = 2, .capacity = 1},
                [](const parcel&) {});
      (void)q->try_push(parcel(1, alive));
      co_await checkpoint();
      ++went_on;
    };
    weir::co_spawn(pool, owns(), asio::detached);
    block_until([&] { return stopped.load(); });
  }
  BOOST_TEST(left == 2);
  BOOST_TEST(went_on == 0);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(a_single_flight_that_a_later_task_has_joined) {
  watchdog dog;
  using object = weir::single_flight<int, int>;
  int left = 0;
  int went_on = 0;
  {
    weir::runtime pool(1);
    auto calls = std::make_shared<object>(pool);
    auto sleeps = []() -> task<int> {
      co_await sleep_for(std::chrono::hours(1));
      co_return 1;
    };
    auto asks = [&](std::shared_ptr<object> from) -> task<> {
      on_scope_exit count([&] { ++left; });
      (void)co_await from->run(1, sleeps);
      ++went_on;
    };
    weir::co_spawn(pool, asks(calls), asio::detached);
    block_until([&] { return calls->waiting() == 1; });
    weir::co_spawn(pool, asks(calls), asio::detached);
    block_until([&] { return calls->waiting() == 2; });
    pool.stop();
  }
  BOOST_TEST(left == 2);
  BOOST_TEST(went_on == 0);
}

// A caller outside of the runtime also waits on the pool that is destroyed with
// a frame.
BOOST_AUTO_TEST_CASE(a_blocking_pool_that_others_use) {
  watchdog dog;
  hold first;
  std::atomic<blocking_pool*> at{nullptr};
  std::future<int> queued;
  int calls = 0;
  {
    weir::runtime pool(1);
    auto never = std::make_shared<gate>(pool.get_executor());
    auto owns = [&](std::shared_ptr<gate> door) -> task<> {
      blocking_pool threads({.threads = 1});
      at = &threads;
      co_await door->wait();
    };
    weir::co_spawn(pool, owns(never), asio::detached);
    block_until([&] { return never->arrivals() == 1; });
    offload(*at.load(), [&] { first.block(); })(asio::detached);
    block_until([&] { return at.load()->stats().running == 1; });
    queued = offload(*at.load(), [&] { return ++calls; })(asio::use_future);
    std::thread releases([&] {
      block_until([&] {
        return queued.wait_for(std::chrono::seconds(0)) ==
               std::future_status::ready;
      });
      first.release();
    });
    pool.stop();
    never.reset();
    releases.join();
  }
  BOOST_CHECK_EXCEPTION(
      queued.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
