// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace weir::test::of_shield {

BOOST_FIXTURE_TEST_SUITE(shield, operations)

using weir::shield;
using namespace std::chrono_literals;
using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(passes_values_and_errors) {
  int object = 0;
  auto refers = [&]() -> task<int&> { co_return object; };
  BOOST_TEST(&run(shield(refers())) == &object);
  run(shield(returns()));
  BOOST_CHECK_EXCEPTION(
      run(shield(fails_with("boom"))), std::runtime_error, says("boom"));
}

// Found by weir-model, 00000000000000000334000007001300.
BOOST_AUTO_TEST_CASE(hides_a_cancellation_from_a_child_that_never_waited) {
  using type = asio::cancellation_type;
  std::atomic<type> outside{type::none};
  std::atomic<type> inside{type::all};
  auto looks = [&]() -> task<> {
    inside = (co_await asio::this_coro::cancellation_state).cancelled();
  };
  task_group group(pool, {.max_in_flight = 1});
  auto child = [&]() -> task<> {
    group.cancel();
    outside = (co_await asio::this_coro::cancellation_state).cancelled();
    co_await shield(looks());
  };
  wait(group.spawn(child));
  wait(group.join());
  BOOST_TEST((outside.load() == type::terminal));
  BOOST_TEST((inside.load() == type::none));
}

BOOST_AUTO_TEST_CASE(hides_a_cancellation_until_the_next_await) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate door(pool.get_executor());
      std::atomic<bool> inside{false};
      std::atomic<bool> behind{false};
      std::atomic<bool> too_far{false};
      auto closes = [&]() -> task<> {
        co_await door.wait();
        co_await sleep_for(1ms);
        co_await checkpoint();
        inside = true;
      };
      auto child = [&]() -> task<> {
        co_await shield(closes());
        behind = true;
        co_await checkpoint();
        too_far = true;
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(child));
      block_until([&] { return door.arrivals() == 1; });
      group.cancel();
      door.open();
      wait(group.join());
      BOOST_TEST(inside);
      BOOST_TEST(behind);
      BOOST_TEST(!too_far);
      BOOST_TEST(group.stats().cancelled == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(works_in_a_task_that_is_cancelled_already) {
  gate never(pool.get_executor());
  std::atomic<int> steps{0};
  auto says_goodbye = [&]() -> task<> {
    co_await checkpoint();
    ++steps;
    co_await sleep_for(1ms);
    ++steps;
    co_await []() -> asio::awaitable<void> { co_return; }();
    ++steps;
  };
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
    }
    co_await shield(says_goodbye());
    ++steps;
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  BOOST_TEST(steps == 4);
}

BOOST_AUTO_TEST_CASE(a_timeout_inside_still_counts) {
  gate never(pool.get_executor());
  gate door(pool.get_executor());
  error_code code;
  auto child = [&]() -> task<> {
    auto work = [&]() -> task<> {
      co_await door.wait();
      try {
        co_await with_timeout(2ms, waits_for(never));
      } catch (const system_error& e) {
        code = e.code();
      }
    };
    co_await shield(work());
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel();
  door.open();
  wait(group.join());
  BOOST_TEST(code == asio::error::timed_out);
}

BOOST_AUTO_TEST_CASE(a_group_inside_still_cancels_its_children) {
  gate never(pool.get_executor());
  gate door(pool.get_executor());
  std::atomic<bool> caught{false};
  auto work = [&]() -> task<> {
    co_await door.wait();
    try {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        co_await group.spawn(waits_for(never));
        co_await group.spawn(fails_with("inside"));
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
  };
  auto child = [&]() -> task<> { co_await shield(work()); };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel();
  door.open();
  wait(group.join());
  BOOST_TEST(caught);
}

BOOST_AUTO_TEST_CASE(a_group_inside_is_not_cancelled_from_outside) {
  gate door(pool.get_executor());
  std::atomic<int> ended{0};
  auto child = [&]() -> task<> {
    auto work = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        for (int i = 0; i != 3; ++i)
          co_await group.spawn([&]() -> task<> {
            co_await door.wait();
            ++ended;
          });
      });
    };
    co_await shield(work());
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return door.arrivals() == 3; });
  group.cancel();
  door.open();
  wait(group.join());
  BOOST_TEST(ended == 3);
}

BOOST_AUTO_TEST_CASE(shields_nest) {
  gate door(pool.get_executor());
  std::atomic<bool> between{false};
  auto inner = [&]() -> task<> { co_await door.wait(); };
  auto outer = [&]() -> task<> {
    co_await shield(inner());
    co_await checkpoint(); // still under the outer one
    between = true;
  };
  auto child = [&]() -> task<> { co_await shield(outer()); };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel();
  door.open();
  wait(group.join());
  BOOST_TEST(between);
}

BOOST_AUTO_TEST_CASE(does_not_hide_that_a_handler_was_dropped) {
  auto work = [&]() -> task<> { co_await drops_its_handler(how::posted); };
  bool went_on = false;
  auto child = [&]() -> task<> {
    co_await shield(work());
    went_on = true;
  };
  BOOST_CHECK_EXCEPTION(
      run(child()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(!went_on);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_shield
