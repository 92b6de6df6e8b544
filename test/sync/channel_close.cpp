// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The end of a channel: closed, drained, destroyed, and on a runtime that ends.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/receive_any.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/death.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(channel_close)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(a_channel_destroyed_while_somebody_waits_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    std::optional<weir::channel<int>> c(std::in_place, 0);
    auto waits = [&]() -> task<> { (void)co_await c->receive(); };
    weir::co_spawn(pool, waits(), asio::detached);
    block_until([&] { return c->waiting_receivers() == 1; });
    c.reset();
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed)
  BOOST_TEST(
      (end.printed.find("a channel was destroyed while somebody "
                        "waits: 0 senders, 1 receivers") != std::string::npos));
}

BOOST_FIXTURE_TEST_CASE(receivers_drain_what_is_buffered_then_see_the_end,
                        pool_fixture) {
  weir::channel<int> c(3);
  wait(c.send(1));
  wait(c.send(2));
  BOOST_TEST(!c.is_closed());
  c.close();
  c.close();
  BOOST_TEST(c.is_closed());
  BOOST_TEST((wait(c.receive()) == std::optional<int>(1)));
  BOOST_TEST((wait(c.receive()) == std::optional<int>(2)));
  for (int i = 0; i != 3; ++i)
    BOOST_TEST(!wait(c.receive()).has_value());
  BOOST_TEST(!c.try_receive().has_value());
}

BOOST_FIXTURE_TEST_CASE(sending_on_a_closed_channel_throws, pool_fixture) {
  std::atomic<int> alive{0};
  weir::channel<parcel> c(3);
  c.close();
  BOOST_CHECK_EXCEPTION(wait(c.send(parcel(1, alive))),
                        system_error,
                        has_code(errc::channel_closed));
  BOOST_TEST(alive == 0);
}

BOOST_FIXTURE_TEST_CASE(close_wakes_every_sender_with_an_error, pool_fixture) {
  std::atomic<int> alive{0};
  std::atomic<int> refused{0};
  weir::channel<parcel> c(1);
  wait(c.send(parcel(0, alive)));
  auto sends = [&](int n) -> task<> {
    try {
      co_await c.send(parcel(n, alive));
    } catch (const system_error& e) {
      refused += e.code() == errc::channel_closed;
    }
  };
  task_group group(pool);
  for (int n = 1; n != 6; ++n)
    wait(group.spawn(sends, n));
  block_until([&] { return c.waiting_senders() == 5; });
  c.close();
  wait(group.join());
  BOOST_TEST(refused == 5);
  BOOST_TEST(alive == 1); // the buffered one
  BOOST_TEST(wait(c.receive())->number == 0);
  BOOST_TEST(!wait(c.receive()).has_value());
}

BOOST_FIXTURE_TEST_CASE(close_wakes_every_receiver_with_the_end, pool_fixture) {
  for (std::size_t capacity : {0u, 4u}) {
    weir::channel<int> c(capacity);
    std::atomic<int> ended{0};
    auto receives = [&]() -> task<> {
      const std::optional<int> n = co_await c.receive();
      ended += !n.has_value();
    };
    task_group group(pool);
    for (int i = 0; i != 5; ++i)
      wait(group.spawn(receives));
    block_until([&] { return c.waiting_receivers() == 5; });
    c.close();
    wait(group.join());
    BOOST_TEST(ended == 5);
  }
}

BOOST_FIXTURE_TEST_CASE(close_may_race_with_senders_and_receivers,
                        pool_fixture) {
  int whole = 0;
  int cut = 0;
  for (int round = 0; round != 500; ++round) {
    if (round >= (sanitized ? 100 : 300) && whole != 0 && cut != 0)
      break;
    weir::channel<int> c(static_cast<std::size_t>(round % 3));
    std::atomic<int> sent{0};
    std::atomic<int> received{0};
    std::atomic<int> begun{0};
    auto sends = [&]() -> task<> {
      ++begun;
      try {
        for (int i = 0; i != 5; ++i) {
          co_await c.send(i);
          ++sent;
        }
      } catch (const system_error&) {
      }
    };
    auto receives = [&]() -> task<> {
      while (std::optional<int> n = co_await c.receive())
        ++received;
    };
    task_group group(pool);
    wait(group.spawn(sends));
    wait(group.spawn(receives));
    block_until([&] { return begun == 1; });
    for (int spin = round % 200; spin > 0; --spin)
      (void)c.size();
    c.close();
    wait(group.join());
    BOOST_REQUIRE(sent == received); // what was accepted arrived
    (sent == 5 ? whole : cut) += 1;
  }
}

BOOST_AUTO_TEST_CASE(a_stopped_runtime_takes_its_waiters_out) {
  watchdog dog;
  std::atomic<int> alive{0};
  std::atomic<int> left{0};
  weir::channel<parcel> empty(2);
  weir::channel<parcel> full(1);
  {
    weir::runtime pool(2);
    auto receives = [&]() -> task<> {
      on_scope_exit mark([&] { ++left; });
      (void)co_await empty.receive();
    };
    auto sends = [&]() -> task<> {
      on_scope_exit mark([&] { ++left; });
      co_await full.send(parcel(1, alive));
      co_await full.send(parcel(2, alive));
    };
    weir::co_spawn(pool, receives(), asio::detached);
    weir::co_spawn(pool, sends(), asio::detached);
    block_until([&] {
      return empty.waiting_receivers() == 1 && full.waiting_senders() == 1;
    });
    pool.stop();
    BOOST_TEST(left == 2);
  }
  BOOST_TEST(empty.waiting_receivers() == 0u);
  BOOST_TEST(full.waiting_senders() == 0u);
  BOOST_TEST(alive == 1);
  BOOST_TEST(full.try_receive()->number == 1);
  BOOST_TEST(alive == 0);
}

// In either order of destruction.
BOOST_AUTO_TEST_CASE(a_stopped_runtime_may_destroy_it_before_those_that_wait) {
  watchdog dog;
  struct both {
    weir::channel<int> empty{1};
    weir::channel<int> full{0};
  };
  for (bool owner_first : {false, true}) {
    std::atomic<both*> at{nullptr};
    std::atomic<int> left{0};
    weir::channel<int> other(1);
    {
      weir::runtime pool(2);
      gate never(pool.get_executor());
      auto owns = [&]() -> task<> {
        on_scope_exit mark([&] { ++left; });
        both all;
        at = &all;
        co_await never.wait();
      };
      auto receives = [&](bool any) -> task<> {
        on_scope_exit mark([&] { ++left; });
        co_await until([&] { return at.load() != nullptr; });
        if (any)
          (void)co_await receive_any(other, at.load()->empty);
        else
          (void)co_await at.load()->empty.receive();
      };
      auto sends = [&]() -> task<> {
        on_scope_exit mark([&] { ++left; });
        co_await until([&] { return at.load() != nullptr; });
        co_await at.load()->full.send(1);
      };
      if (owner_first)
        weir::co_spawn(pool, owns(), asio::detached);
      weir::co_spawn(pool, receives(false), asio::detached);
      weir::co_spawn(pool, receives(true), asio::detached);
      weir::co_spawn(pool, sends(), asio::detached);
      if (!owner_first)
        weir::co_spawn(pool, owns(), asio::detached);
      block_until([&] {
        return at && at.load()->empty.waiting_receivers() == 2 &&
               at.load()->full.waiting_senders() == 1 && never.arrivals() == 1;
      });
      pool.stop();
    }
    BOOST_TEST(left == 4);
    BOOST_TEST(other.waiting_receivers() == 0u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
