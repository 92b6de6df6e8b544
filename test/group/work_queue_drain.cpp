// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Drains that are cancelled, and drains when no consumer works any more.

#include <weir/checkpoint.hpp>
#include <weir/shield.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/work_queue.hpp>

#include "support/forms.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(work_queue_drain, pool_of<1>)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(one_that_waits_is_cancelled_and_the_work_goes_on) {
  for (bool unwinds : {false, true}) {
    BOOST_TEST_CONTEXT("unwinds: " << unwinds) {
      gate door(pool.get_executor());
      std::atomic<int> handled{0};
      auto handle = [&](int) -> task<> {
        co_await door.wait();
        ++handled;
      };
      weir::work_queue<int> q(pool, {.consumers = 1}, handle);
      bool left = false;
      bool went_on = false;
      auto drains = [&]() -> task<> {
        on_scope_exit mark([&] { left = true; });
        co_await q.drain();
        went_on = true;
      };
      auto main = [&]() -> task<> {
        co_await q.push(1);
        task_group group(pool);
        co_await group.spawn(in_form(unwinds, drains()));
        for (int i = 0; i != 100; ++i) // Until it waits.
          co_await checkpoint();
        group.cancel();
        co_await group.join();
      };
      run(main());
      BOOST_TEST(left);
      BOOST_TEST(!went_on);
      BOOST_TEST(handled == 0);
      door.open();
      wait(q.drain());
      BOOST_TEST(handled == 1);
      q.close();
      wait(q.join());
    }
  }
}

BOOST_AUTO_TEST_CASE(after_an_error_it_waits_for_nobody) {
  gate door(pool.get_executor());
  auto handle = [&](int n) -> task<> {
    if (n == 1)
      throw std::runtime_error("item 1");
    co_await shield(waits_for(door));
  };
  weir::work_queue<int> q(pool, {.consumers = 2}, handle);
  wait(q.push(0));
  block_until([&] { return door.arrivals() == 1; });
  wait(q.push(1));
  auto joined = q.join()(asio::use_future);
  // It is closed, and cancelled as soon as item 1 has failed.
  BOOST_CHECK_THROW(wait(q.push(2)), system_error);
  // Item 0 is still at work.
  BOOST_CHECK_EXCEPTION(
      wait(q.drain()), system_error, has_code(asio::error::operation_aborted));
  door.open();
  BOOST_CHECK_EXCEPTION(joined.get(), std::runtime_error, says("item 1"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
