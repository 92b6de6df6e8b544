// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Waits for blocking functions that are withdrawn, and what happens to the
// functions.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/offload.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/forms.hpp"
#include "support/hold.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(offload_cancel, pool_fixture)

using boost::system::system_error;
using weir::offload;

BOOST_AUTO_TEST_CASE(what_runs_is_abandoned_at_once_and_never_freed) {
  for (bool unwinds : {false, true})
    BOOST_TEST_CONTEXT("unwinds " << unwinds) {
      hold door;
      std::atomic<int> alive{0};
      blocking_pool blocking({.threads = 1});
      std::atomic<int> ended{0};
      std::atomic<bool> went_on{false};
      std::size_t abandoned = 0;
      auto waits = [&]() -> task<> {
        on_scope_exit count([&] { ++ended; });
        auto f = [&door](counted argument) {
          door.block();
          return argument; // the result
        };
        (void)co_await offload(blocking, f, counted(alive));
        went_on = true;
      };
      auto main = [&]() -> task<> {
        task_group group(pool);
        co_await group.spawn(in_form(unwinds, waits()));
        co_await until([&] { return door.arrivals() == 1; });
        group.cancel();
        co_await group.join(); // while the function blocks
        abandoned = blocking.stats().abandoned;
      };
      run(main());
      BOOST_TEST(ended == 1);
      BOOST_TEST(!went_on);
      BOOST_TEST(abandoned == 1u);
      BOOST_TEST(alive == 1);
      door.release();
      blocking.join();
      BOOST_TEST(alive == 0);
      BOOST_TEST(blocking.stats().abandoned == 0u);
      BOOST_TEST(blocking.stats().running == 0u);
    }
}

BOOST_AUTO_TEST_CASE(what_has_not_begun_is_destroyed_uncalled) {
  hold door;
  blocking_pool blocking({.threads = 1});
  std::atomic<int> alive{0};
  std::atomic<int> calls{0};
  int left = -1;
  auto waits = [&]() -> task<> {
    co_await offload(
        blocking, [&](const counted&) { ++calls; }, counted(alive));
  };
  auto main = [&]() -> task<> {
    task_group blocks(pool);
    task_group group(pool);
    co_await blocks.spawn(offload(blocking, [&] { door.block(); }));
    co_await until([&] { return door.arrivals() == 1; });
    for (int i = 0; i != 5; ++i)
      co_await group.spawn(waits);
    co_await until([&] { return blocking.stats().waiting == 5; });
    group.cancel();
    co_await group.join();
    left = alive;
    door.release();
    co_await blocks.join();
  };
  run(main());
  BOOST_TEST(calls == 0);
  BOOST_TEST(left == 0);
  BOOST_TEST(blocking.stats().waiting == 0u);
}

BOOST_AUTO_TEST_CASE(in_a_cancelled_task_nothing_is_called) {
  blocking_pool blocking({.threads = 1});
  std::atomic<int> calls{0};
  auto main = [&]() -> task<> {
    task_group group(pool);
    auto asks = [&]() -> task<> {
      group.cancel();
      co_await offload(blocking, [&] { ++calls; });
    };
    co_await group.spawn(asks);
    co_await group.join();
  };
  run(main());
  blocking.join();
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_cancellation_slot_abandons_too) {
  hold door;
  blocking_pool blocking({.threads = 1});
  asio::cancellation_signal stop;
  auto future = offload(blocking, [&] { door.block(); })(
      asio::bind_cancellation_slot(stop.slot(), asio::use_future));
  block_until([&] { return door.arrivals() == 1; });
  stop.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(
      future.get(), system_error, has_code(asio::error::operation_aborted));
  door.release();
}

BOOST_AUTO_TEST_CASE(a_cancel_that_meets_the_end_loses_no_result) {
  std::atomic<int> alive{0};
  std::atomic<int> got{0};
  std::atomic<int> aborted{0};
  std::atomic<int> calls{0};
  blocking_pool blocking({.threads = 2});
  auto asks = [&]() -> task<> {
    auto f = [&] {
      ++calls;
      return counted(alive);
    };
    try {
      auto result = co_await offload(blocking, f);
      got += result ? 1 : 0;
    } catch (const system_error&) {
      ++aborted;
      throw;
    }
  };
  int rounds = 0;
  auto main = [&]() -> task<> {
    while (rounds != 500) {
      task_group group(pool);
      for (int i = 0; i != 4; ++i)
        co_await group.spawn(asks);
      for (int i = 0; i != rounds % 50; ++i)
        co_await checkpoint();
      group.cancel();
      co_await group.join();
      ++rounds;
    }
  };
  run(main());
  blocking.join();
  BOOST_TEST(alive == 0);
  BOOST_TEST(calls >= got);
  BOOST_TEST(blocking.stats().running == 0u);
  BOOST_TEST(blocking.stats().abandoned == 0u);
}

BOOST_AUTO_TEST_CASE(a_stopped_runtime_abandons_what_runs) {
  blocking_pool blocking({.threads = 2});
  // Stops at every point of a call's life.
  for (int round = 0; round != 200; ++round) {
    std::atomic<int> begun{0};
    std::atomic<bool> go{false};
    weir::runtime brief(1);
    auto asks = [](blocking_pool& on,
                   std::atomic<int>& n,
                   std::atomic<bool>& may) -> task<> {
      auto f = [&n, &may] {
        ++n;
        while (!may)
          std::this_thread::yield();
      };
      co_await offload(on, f);
    };
    for (int i = 0; i != 3; ++i)
      weir::co_spawn(brief, asks(blocking, begun, go), asio::detached);
    block_until([&] { return begun == 2; });
    if (round % 2 == 0)
      go = true;
    for (int i = 0; i != round % 7; ++i)
      std::this_thread::yield();
    brief.stop();
    go = true;
    blocking.join(); // The function refers to this round's flags.
  }
  BOOST_TEST(blocking.stats().waiting == 0u);
}

BOOST_AUTO_TEST_CASE(a_runtime_that_ends_does_not_wait_for_what_blocks) {
  hold door;
  blocking_pool blocking({.threads = 1});
  {
    weir::runtime brief(1);
    auto asks = [](blocking_pool& on, hold& at) -> task<> {
      auto f = [&at] { at.block(); };
      co_await offload(on, f);
    };
    weir::co_spawn(brief, asks(blocking, door), asio::detached);
    block_until([&] { return door.arrivals() == 1; });
  }
  BOOST_TEST(blocking.stats().abandoned == 1u);
  door.release();
}

BOOST_AUTO_TEST_CASE(the_pools_destructor_waits_for_what_was_abandoned) {
  std::atomic<bool> returned{false};
  {
    blocking_pool blocking({.threads = 1});
    std::atomic<bool> begun{false};
    asio::cancellation_signal stop;
    auto future = blocking.run([&] {
      begun = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      returned = true;
    })(asio::bind_cancellation_slot(stop.slot(), asio::use_future));
    block_until([&] { return begun.load(); });
    stop.emit(asio::cancellation_type::terminal);
    BOOST_CHECK_THROW(future.get(), system_error);
  }
  BOOST_TEST(returned);
}

BOOST_AUTO_TEST_CASE(a_second_emission_finds_nothing_to_abandon) {
  hold door;
  blocking_pool blocking({.threads = 1});
  asio::io_context handlers;
  asio::cancellation_signal stop;
  int called = 0;
  offload(blocking, [&] { door.block(); })(asio::bind_cancellation_slot(
      stop.slot(),
      asio::bind_executor(handlers, [&](std::exception_ptr) { ++called; })));
  block_until([&] { return door.arrivals() == 1; });
  stop.emit(asio::cancellation_type::partial);
  stop.emit(asio::cancellation_type::terminal); // before the handler runs
  BOOST_TEST(blocking.stats().abandoned == 1u);
  handlers.run();
  BOOST_TEST(called == 1);
  door.release();
  blocking.join();
  BOOST_TEST(blocking.stats().abandoned == 0u);
}

BOOST_AUTO_TEST_CASE(a_joined_pool_may_be_destroyed) {
  for (int round = 0; round != 2000; ++round) {
    blocking_pool blocking({.threads = 2});
    for (int i = 0; i != 4; ++i)
      offload(blocking, [] {})(asio::detached);
    blocking.join();
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
