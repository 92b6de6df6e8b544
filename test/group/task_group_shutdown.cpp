// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// shutdown().

#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/patiently.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_shutdown, pool_fixture)

using namespace std::chrono_literals;
using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};
constexpr clock::duration for_ever = clock::duration::max();

// Ends when it is asked to stop, and counts that in `obeyed`.
task<> obeys(task_group& group, std::atomic<int>& obeyed) {
  co_await group.wait_stopping();
  if (group.is_stopping() && !group.is_cancelled())
    ++obeyed;
}

BOOST_AUTO_TEST_CASE(it_closes_and_drains_and_completes_normally) {
  gate door(pool.get_executor());
  std::atomic<int> calls{0};
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  auto waiting = group.spawn(counts(calls))(asio::use_future);
  auto down = group.shutdown({.drain = for_ever})(asio::use_future);
  BOOST_CHECK_EXCEPTION(
      wait(group.spawn(returns())), system_error, has_code(errc::group_closed));
  BOOST_TEST(!group.is_stopping());
  BOOST_TEST((down.wait_for(1ms) == std::future_status::timeout));
  door.open();
  down.get();
  waiting.get();
  BOOST_TEST(calls == 1); // It had asked before.
  BOOST_TEST(!group.is_cancelled());
  wait(group.shutdown({})); // again
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(without_children_it_completes_at_once) {
  task_group group(pool);
  wait(group.shutdown({.drain = for_ever, .soft = for_ever}));
  BOOST_CHECK_EXCEPTION(
      wait(group.spawn(returns())), system_error, has_code(errc::group_closed));
}

BOOST_AUTO_TEST_CASE(after_the_drain_children_are_asked_to_stop) {
  std::atomic<int> obeyed{0};
  task_group group(pool);
  for (int i = 0; i != 5; ++i)
    wait(group.spawn(obeys, std::ref(group), std::ref(obeyed)));
  const auto begin = clock::now();
  wait(group.shutdown({.drain = 5ms, .soft = for_ever}));
  BOOST_TEST((clock::now() - begin >= 5ms));
  BOOST_TEST(obeyed == 5);
  BOOST_TEST(group.stats().completed == 5u);
  BOOST_TEST(!group.is_cancelled());
}

BOOST_AUTO_TEST_CASE(after_the_soft_stop_the_rest_is_cancelled) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    task_group group(pool, {.cancellation = form});
    for (int i = 0; i != 3; ++i)
      wait(group.spawn(waits_and_counts(never, ended)));
    block_until([&] { return never.arrivals() == 3; });
    const auto begin = clock::now();
    BOOST_CHECK_EXCEPTION(wait(group.shutdown({.drain = 2ms, .soft = 3ms})),
                          system_error,
                          has_code(asio::error::timed_out));
    BOOST_TEST((clock::now() - begin >= 5ms));
    BOOST_TEST(ended == 3);
    BOOST_TEST(group.cancel_reason() == asio::error::timed_out);
    BOOST_TEST(group.stats().cancelled == 3u);
    // Again, the same outcome.
    for (int i = 0; i != 2; ++i)
      BOOST_CHECK_EXCEPTION(wait(group.shutdown({.drain = for_ever})),
                            system_error,
                            has_code(asio::error::timed_out));
    BOOST_CHECK_EXCEPTION(
        wait(group.join()), system_error, has_code(asio::error::timed_out));
  }
}

BOOST_AUTO_TEST_CASE(no_grace_cancels_at_once) {
  gate never(pool.get_executor());
  for (clock::duration none : {clock::duration(0), clock::duration(-1h)}) {
    task_group group(pool);
    wait(group.spawn(waits_for(never)));
    BOOST_CHECK_EXCEPTION(wait(group.shutdown({.drain = none, .soft = none})),
                          system_error,
                          has_code(asio::error::timed_out));
    BOOST_TEST(group.is_stopping());
  }
}

BOOST_AUTO_TEST_CASE(a_childs_error_is_thrown_as_by_join) {
  gate door(pool.get_executor());
  auto fails = [&]() -> task<> {
    co_await door.wait();
    throw std::runtime_error("boom");
  };
  task_group group(pool);
  wait(group.spawn(fails));
  auto down = group.shutdown({.drain = for_ever})(asio::use_future);
  door.open();
  BOOST_CHECK_EXCEPTION(down.get(), std::runtime_error, says("boom"));
  BOOST_CHECK_EXCEPTION(
      wait(group.shutdown({})), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_later_call_replaces_the_times_of_an_earlier) {
  gate never(pool.get_executor());
  task_group sooner(pool);
  wait(sooner.spawn(waits_for(never)));
  auto first = sooner.shutdown({.drain = for_ever})(asio::use_future);
  auto second = sooner.shutdown({.drain = 2ms})(asio::use_future);
  for (auto* down : {&first, &second})
    BOOST_CHECK_EXCEPTION(
        down->get(), system_error, has_code(asio::error::timed_out));

  BOOST_TEST(patiently([&](clock::duration d) {
    gate door(pool.get_executor());
    task_group later(pool);
    wait(later.spawn(waits_for(door)));
    const auto due = clock::now() + d;
    auto brief = later.shutdown({.drain = d})(asio::use_future);
    auto endless = later.shutdown({.drain = for_ever})(asio::use_future);
    if (clock::now() >= due) { // too late
      BOOST_CHECK_THROW((door.open(), brief.get(), endless.get()),
                        system_error);
      return false;
    }
    auto sleeps = [&]() -> task<> { co_await sleep_until(due + 5ms); };
    run(sleeps());
    BOOST_TEST(!later.is_cancelled());
    door.open();
    brief.get();
    endless.get();
    return true;
  }));
}

BOOST_AUTO_TEST_CASE(the_soft_stop_is_not_taken_back) {
  gate never(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_for(never)));
  auto first = group.shutdown({.soft = for_ever})(asio::use_future);
  BOOST_TEST(group.is_stopping());
  BOOST_TEST(!group.is_cancelled());
  BOOST_CHECK_EXCEPTION(wait(group.shutdown({.drain = for_ever, .soft = 2ms})),
                        system_error,
                        has_code(asio::error::timed_out));
  BOOST_CHECK_EXCEPTION(
      first.get(), system_error, has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(a_cancelled_shutdown_cancels_the_group_and_waits) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  error_code code;
  task_group group(pool);
  wait(group.spawn(waits_and_counts(never, ended)));
  block_until([&] { return never.arrivals() == 1; });
  std::atomic<bool> begun{false};
  auto stops = [&]() -> task<> {
    begun = true;
    try {
      co_await group.shutdown({.drain = for_ever});
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  task_group outer(pool);
  wait(outer.spawn(stops));
  block_until([&] { return begun.load(); });
  outer.cancel();
  wait(outer.join());
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(ended == 1);
  BOOST_CHECK_EXCEPTION(wait(group.shutdown({})),
                        system_error,
                        has_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(from_a_child_it_would_deadlock_and_does_nothing) {
  error_code code;
  auto child = [&](task_group& group) -> task<> {
    try {
      co_await group.shutdown({});
    } catch (const system_error& e) {
      code = e.code();
    }
  };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  wait(group.wait_idle());
  BOOST_TEST(code == errc::would_deadlock);
  wait(group.spawn(returns())); // It is still open.
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(the_body_of_with_task_group_may_shut_down) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    auto main = [&](clock::duration soft) -> task<> {
      co_await with_task_group(
          {.cancellation = form}, [&](task_group& group) -> task<> {
            std::atomic<int> obeyed{0};
            co_await group.spawn(obeys, std::ref(group), std::ref(obeyed));
            if (soft == 0s)
              co_await group.spawn(waits_for(never));
            co_await group.shutdown({.drain = 1ms, .soft = soft});
          });
    };
    run(main(for_ever));
    BOOST_CHECK_EXCEPTION(
        run(main(0s)), system_error, has_code(asio::error::timed_out));
  }
}

BOOST_AUTO_TEST_CASE(a_group_may_go_while_its_times_run_out) {
  for (int i = 0; i != 300; ++i) {
    task_group group(pool);
    wait(group.spawn(returns()));
    const auto brief = std::chrono::microseconds(10 * (i % 150));
    auto down =
        group.shutdown({.drain = brief, .soft = brief})(asio::use_future);
    for (int spin = i % 7; spin != 0; --spin)
      std::this_thread::yield();
    try {
      down.get();
    } catch (const system_error& e) {
      BOOST_TEST(e.code() == asio::error::timed_out);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
