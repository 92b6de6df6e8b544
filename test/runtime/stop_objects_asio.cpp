// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// As stop_objects, with the objects in coroutines of Asio, which the runtime
// does not know.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/until.hpp"
#include "support/until_gone.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(stop_objects_asio)

// They are destroyed with the pool itself, when the runtime is destroyed.
BOOST_AUTO_TEST_CASE(a_channel_and_a_limiter) {
  watchdog dog;
  for (bool stops : {false, true})
    for (bool owner_first : {false, true}) {
      std::atomic<weir::channel<int>*> at{nullptr};
      std::atomic<weir::limiter*> at_limiter{nullptr};
      std::atomic<int> left{0};
      until_gone<weir::runtime> pool(std::in_place, 1u);
      auto never = std::make_shared<gate>(pool->get_executor());
      auto owns = [&](std::shared_ptr<gate> door) -> asio::awaitable<void> {
        on_scope_exit count([&] { ++left; });
        weir::channel<int> c(0);
        weir::limiter l(1);
        permit all = *l.try_acquire();
        at_limiter = &l;
        at = &c;
        co_await door->wait(asio::use_awaitable);
      };
      auto receives = [&]() -> asio::awaitable<void> {
        on_scope_exit count([&] { ++left; });
        while (at.load() == nullptr)
          co_await asio::post(asio::use_awaitable);
        (void)co_await at.load()->receive()(asio::use_awaitable);
      };
      auto acquires = [&]() -> asio::awaitable<void> {
        on_scope_exit count([&] { ++left; });
        while (at.load() == nullptr)
          co_await asio::post(asio::use_awaitable);
        (void)co_await at_limiter.load()->acquire()(asio::use_awaitable);
      };
      const auto launch = [&](asio::awaitable<void> work) {
        asio::co_spawn(pool->get_executor(), std::move(work), asio::detached);
      };
      if (owner_first)
        launch(owns(never));
      launch(receives());
      launch(acquires());
      if (!owner_first)
        launch(owns(never));
      block_until([&] {
        return at.load() != nullptr && at.load()->waiting_receivers() == 1 &&
               at_limiter.load()->waiting() == 1;
      });
      block_until([&] { return never->arrivals() == 1; });
      if (stops)
        pool->stop();
      never.reset();
      pool.reset();
      BOOST_TEST(left == 3);
    }
}

// The handler holds the last reference to the task, whose frame is destroyed
// before it.
BOOST_AUTO_TEST_CASE(a_completion_on_its_way) {
  watchdog dog;
  std::function<void()> complete;
  std::atomic<bool> stopping{false};
  int left = 0;
  {
    weir::runtime pool(1);
    const auto keeps = [&](auto handler) {
      auto kept = std::make_shared<decltype(handler)>(std::move(handler));
      complete = [kept] { asio::post(std::move(*kept)); };
    };
    auto waits = [&]() -> task<> {
      on_scope_exit count([&] { ++left; });
      co_await asio::async_initiate<const asio::deferred_t, void()>(
          keeps, asio::deferred);
    };
    auto stops = [&]() -> task<> {
      while (!complete)
        co_await checkpoint();
      complete();
      stopping = true;
      pool.stop();
    };
    weir::co_spawn(pool, waits(), asio::detached);
    weir::co_spawn(pool, stops(), asio::detached);
    block_until([&] { return stopping.load(); });
  }
  BOOST_TEST(left == 1);
}

// A function posted after the stop owns the running coroutine.
BOOST_AUTO_TEST_CASE(a_coroutine_that_stops_its_runtime) {
  watchdog dog;
  std::atomic<bool> stopping{false};
  int left = 0;
  {
    weir::runtime pool(1);
    auto in_asio = [&]() -> asio::awaitable<void> {
      on_scope_exit count([&] { ++left; });
      stopping = true;
      pool.stop();
      for (;;)
        co_await asio::post(asio::use_awaitable);
    };
    auto waits = [&]() -> task<> {
      on_scope_exit count([&] { ++left; });
      co_await in_asio();
    };
    weir::co_spawn(pool, waits(), asio::detached);
    block_until([&] { return stopping.load(); });
  }
  BOOST_TEST(left == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
