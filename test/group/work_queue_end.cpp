// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Errors, cancellation, and the runtime's end.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/group_error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_work_queue.hpp>
#include <weir/work_queue.hpp>

#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(work_queue_end, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(the_first_error_cancels_and_is_rethrown_by_join) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> alive{0};
      auto handle = [&](parcel p) -> task<> {
        if (p.number == 1)
          throw std::runtime_error("item 1");
        co_await never.wait();
      };
      {
        weir::work_queue<parcel> q(
            pool,
            {.consumers = 2, .capacity = 1, .cancellation = form},
            handle);
        wait(q.push(0, alive));
        block_until([&] { return never.arrivals() == 1; });
        auto drains = q.drain()(asio::use_future);
        wait(q.push(1, alive));
        // Every waiter gets the error, and so do later calls.
        BOOST_CHECK_EXCEPTION(drains.get(),
                              system_error,
                              has_code(asio::error::operation_aborted));
        BOOST_CHECK_EXCEPTION(wait(q.push(2, alive)),
                              system_error,
                              has_code(asio::error::operation_aborted));
        BOOST_TEST((q.try_push(parcel(3, alive)) == push_status::closed));
        for (int i = 0; i != 2; ++i)
          BOOST_CHECK_EXCEPTION(
              wait(q.join()), std::runtime_error, says("item 1"));
      }
      BOOST_TEST(alive == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_wakes_a_push_that_waits) {
  gate door(pool.get_executor());
  auto handle = [&](int) -> task<> {
    co_await door.wait();
    throw std::runtime_error("each");
  };
  weir::work_queue<int> q(pool, {.consumers = 1}, handle);
  wait(q.push(0));
  auto waits = q.push(1)(asio::use_future);
  door.open();
  BOOST_CHECK_EXCEPTION(
      waits.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_CHECK_THROW(wait(q.join()), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(keep_going_loses_only_the_items_that_failed) {
  std::atomic<int> done{0};
  std::atomic<int> made{0};
  auto make = [&] { return ++made; };
  auto handle = [&](int&, int n) -> task<> {
    co_await checkpoint();
    if (n % 10 == 0)
      throw std::runtime_error("item " + std::to_string(n));
    ++done;
  };
  weir::work_queue<int> q(
      pool, {.consumers = 2, .errors = collect(3)}, make, handle);
  for (int i = 0; i != 100; ++i)
    wait(q.push(i));
  wait(q.drain());
  BOOST_TEST(done == 90);
  BOOST_TEST(made == 2); // a state outlives its items' errors
  BOOST_CHECK_EXCEPTION(wait(q.join()), group_error, [](const group_error& e) {
    return e.errors().size() == 3 && e.failed() == 10;
  });
}

BOOST_AUTO_TEST_CASE(cancel_ends_the_consumers_and_wakes_everybody) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> alive{0};
      auto handle = [&](parcel) -> task<> { co_await never.wait(); };
      {
        weir::work_queue<parcel> q(
            pool,
            {.consumers = 1, .capacity = 1, .cancellation = form},
            handle);
        wait(q.push(0, alive));
        block_until([&] { return never.arrivals() == 1; });
        wait(q.push(1, alive));
        auto waits = q.push(2, alive)(asio::use_future);
        auto drains = q.drain()(asio::use_future);
        q.cancel();
        BOOST_CHECK_EXCEPTION(waits.get(),
                              system_error,
                              has_code(asio::error::operation_aborted));
        BOOST_CHECK_EXCEPTION(drains.get(),
                              system_error,
                              has_code(asio::error::operation_aborted));
        wait(q.join()); // cancel() on the queue itself is no error
        BOOST_TEST(alive == 1);
      }
      BOOST_TEST(alive == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_push_takes_its_item_back) {
  gate door(pool.get_executor());
  std::atomic<int> alive{0};
  std::atomic<int> done{0};
  auto handle = [&](parcel) -> task<> {
    co_await door.wait();
    ++done;
  };
  weir::work_queue<parcel> q(pool, {.consumers = 1}, handle);
  wait(q.push(0, alive));
  auto pushes = [&]() -> task<> { co_await q.push(1, alive); };
  task_group leaves(pool);
  wait(leaves.spawn(pushes));
  block_until([&] { return q.waiting() == 1; });
  leaves.cancel();
  wait(leaves.join());
  BOOST_TEST(q.pending() == 1u);
  BOOST_TEST(alive == 1);
  door.open();
  wait(q.drain());
  wait(q.join());
  BOOST_TEST(done == 1);
}

BOOST_AUTO_TEST_CASE(the_scoped_form_joins_on_every_way_out) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  auto handle = [&](int n) -> task<> {
    on_scope_exit count([&] { ++ended; });
    if (n == 13)
      throw std::runtime_error("item 13");
    co_await never.wait();
  };
  auto consumer_fails = [&]() -> task<> {
    co_await with_work_queue<int>(
        {.consumers = 2}, handle, [&](weir::work_queue<int>& q) -> task<> {
          co_await q.push(1);
          co_await q.push(13);
          co_await never.wait(); // is cancelled
        });
  };
  BOOST_CHECK_EXCEPTION(
      run(consumer_fails()), std::runtime_error, says("item 13"));
  BOOST_TEST(ended == 2);

  auto body_fails = [&]() -> task<> {
    co_await with_work_queue<int>(
        {.consumers = 2}, handle, [&](weir::work_queue<int>& q) -> task<> {
          co_await q.push(1);
          co_await q.push(2);
          throw std::logic_error("the body");
        });
  };
  BOOST_CHECK_EXCEPTION(run(body_fails()), std::logic_error, says("the body"));

  for (on_cancel form : forms) {
    ended = 0;
    std::atomic<bool> left{false};
    auto cancelled = [&]() -> task<> {
      on_scope_exit mark([&] { left = true; });
      co_await with_work_queue<int>({.consumers = 2, .cancellation = form},
                                    handle,
                                    [&](weir::work_queue<int>& q) -> task<> {
                                      co_await q.push(1);
                                      co_await q.push(2);
                                      co_await q.push(3); // waits
                                    });
    };
    const std::size_t before = never.arrivals();
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(cancelled));
    block_until([&] { return never.arrivals() == before + 2; });
    group.cancel();
    wait(group.join());
    BOOST_TEST(left);
    BOOST_TEST(ended == 2);
  }
}

BOOST_AUTO_TEST_CASE(an_abandoned_body_of_the_scoped_form_has_failed) {
  boost::system::error_code seen;
  auto ignores = [](int) {};
  auto body = [](work_queue<int>& queue) -> task<> {
    co_await queue.push(1);
    (void)co_await is_abandoned();
  };
  auto main = [&]() -> task<> {
    try {
      co_await with_work_queue<int>({}, ignores, body);
    } catch (const boost::system::system_error& e) {
      seen = e.code();
    }
  };
  BOOST_CHECK_EXCEPTION(
      run(main()), boost::system::system_error, has_code(errc::task_abandoned));
  BOOST_TEST(seen == errc::task_abandoned);
}

BOOST_AUTO_TEST_CASE(errors_that_race_with_pushes_hang_nobody) {
  for (int round = 0; round != (sanitized ? 50 : 500); ++round) {
    std::atomic<int> alive{0};
    auto handle = [&](parcel p) -> task<> {
      if (p.number == round % 40)
        throw std::runtime_error("one");
      co_await checkpoint();
    };
    auto main = [&]() -> task<> {
      weir::work_queue<parcel> q(
          pool,
          {.consumers = 2,
           .capacity = static_cast<std::size_t>(round % 3),
           .cancellation = forms[round % 2]},
          handle);
      std::atomic<int> refused{0};
      auto pushes = [&](int first) -> task<> {
        try {
          for (int i = 0; i != 20; ++i)
            co_await q.push(first + i, alive);
        } catch (const system_error&) {
          ++refused; // the queue has failed
        }
      };
      task_group pushers(pool);
      co_await pushers.spawn(pushes, 0);
      co_await pushers.spawn(pushes, 20);
      co_await pushers.join();
      co_await q.join();
    };
    BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("one"));
    BOOST_REQUIRE(alive == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_stopped_runtime_leaves_nothing_behind) {
  std::atomic<int> alive{0};
  std::atomic<int> left{0};
  {
    weir::runtime brief(2);
    gate never(brief.get_executor());
    auto handle = [&](parcel) -> task<> { co_await never.wait(); };
    auto main = [&]() -> task<> {
      on_scope_exit mark([&] { ++left; });
      weir::work_queue<parcel> q(
          brief, {.consumers = 2, .capacity = 1}, handle);
      for (int i = 0; i != 10; ++i)
        co_await q.push(i, alive);
    };
    weir::co_spawn(brief, main(), asio::detached);
    block_until([&] { return never.arrivals() == 2 && alive == 4; });
    brief.stop();
    BOOST_TEST(left == 1);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
