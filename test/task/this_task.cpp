// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// this_task::cancel_reason().

#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/this_task.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>

namespace weir::test::of_this_task {

BOOST_FIXTURE_TEST_SUITE(this_task, pool_fixture)

using namespace std::chrono_literals;
using boost::system::error_code;
using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};
const error_code reset = asio::error::connection_reset;

// Waits until it is cancelled, and asks why.
task<> asks(gate& never, error_code& why) {
  on_scope_exit ask([&] { why = weir::this_task::cancel_reason(); });
  co_await never.wait();
}

BOOST_AUTO_TEST_CASE(it_is_empty_while_the_task_is_not_cancelled) {
  error_code in_task = reset;
  auto main = [&]() -> task<> {
    in_task = weir::this_task::cancel_reason();
    co_return;
  };
  run(main());
  BOOST_TEST(!in_task);
  BOOST_TEST(!weir::this_task::cancel_reason()); // no task
}

BOOST_AUTO_TEST_CASE(a_child_reads_what_cancel_was_given_first) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    error_code why;
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(asks, std::ref(never), std::ref(why)));
    block_until([&] { return never.arrivals() == 1; });
    group.cancel(reset);
    group.cancel(asio::error::eof);
    wait(group.join());
    BOOST_TEST(why == reset);
  }
}

BOOST_AUTO_TEST_CASE(a_deadline_is_timed_out_and_so_is_a_shutdown) {
  for (on_cancel form : forms) {
    for (bool deadline : {true, false}) {
      gate never(pool.get_executor());
      error_code why;
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(asks, std::ref(never), std::ref(why)));
      block_until([&] { return never.arrivals() == 1; });
      if (deadline)
        group.cancel_after(1ms);
      BOOST_CHECK_THROW(wait(deadline ? group.join() : group.shutdown({})),
                        system_error);
      BOOST_TEST(why == asio::error::timed_out);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_failed_sibling_and_a_bare_cancel_are_aborts) {
  for (bool fails : {true, false}) {
    gate never(pool.get_executor());
    error_code why;
    task_group group(pool);
    wait(group.spawn(asks, std::ref(never), std::ref(why)));
    block_until([&] { return never.arrivals() == 1; });
    if (fails) {
      wait(group.spawn(fails_with("boom")));
      BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
    } else {
      group.cancel();
      wait(group.join());
    }
    BOOST_TEST(why == asio::error::operation_aborted);
  }
}

BOOST_AUTO_TEST_CASE(one_that_never_suspended_can_ask_too) {
  error_code why;
  auto child = [&](task_group& group) -> task<> {
    group.cancel(reset);
    why = weir::this_task::cancel_reason();
    co_return;
  };
  task_group group(pool);
  wait(group.spawn(child, std::ref(group)));
  wait(group.join());
  BOOST_TEST(why == reset);
}

BOOST_AUTO_TEST_CASE(the_body_of_a_group_reads_the_groups_reason) {
  gate never(pool.get_executor());
  error_code why;
  error_code after = reset;
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      auto cancels = [](task_group& g) -> task<> {
        g.cancel(reset);
        co_return;
      };
      on_scope_exit ask([&] { why = weir::this_task::cancel_reason(); });
      co_await group.spawn(cancels, std::ref(group));
      co_await never.wait();
    });
    after = weir::this_task::cancel_reason();
  };
  run(main());
  BOOST_TEST(why == reset);
  BOOST_TEST(!after);
}

BOOST_AUTO_TEST_CASE(inner_groups_and_their_children_read_the_outer_reason) {
  for (on_cancel form : forms) {
    for (bool in_body : {true, false}) {
      gate never(pool.get_executor());
      error_code inner_child;
      error_code inner_body;
      error_code inner_group;
      auto child = [&]() -> task<> {
        co_await with_task_group(
            {.cancellation = form}, [&](task_group& inner) -> task<> {
              co_await inner.spawn(
                  asks, std::ref(never), std::ref(inner_child));
              if (in_body)
                co_await asks(never, inner_body);
            });
      };
      auto joins = [&]() -> task<> {
        task_group inner(pool, {.cancellation = form});
        on_scope_exit ask([&] { inner_group = inner.cancel_reason(); });
        co_await inner.spawn(asks, std::ref(never), std::ref(inner_child));
        co_await inner.join();
      };
      task_group outer(pool, {.cancellation = form});
      if (in_body)
        wait(outer.spawn(child));
      else
        wait(outer.spawn(joins));
      block_until([&] { return never.arrivals() == (in_body ? 2u : 1u); });
      outer.cancel(reset);
      wait(outer.join());
      BOOST_TEST(inner_child == reset);
      BOOST_TEST((in_body ? inner_body : inner_group) == reset);
    }
  }
}

BOOST_AUTO_TEST_CASE(with_timeout_is_timed_out_unless_all_is_cancelled) {
  for (bool all : {false, true}) {
    deterministic_runtime runtime; // both wait before the time is over
    gate never(runtime.get_executor());
    error_code inside;
    error_code child_inside;
    auto main = [&]() -> task<> {
      auto part = [&]() -> task<> {
        co_await with_task_group({}, [&](task_group& inner) -> task<> {
          co_await inner.spawn(asks, std::ref(never), std::ref(child_inside));
          co_await asks(never, inside);
        });
      };
      co_await with_timeout(2ms, part());
    };
    auto canceller = [&](task_group& group) -> task<> {
      co_await sleep_for(1ms);
      group.cancel(reset);
    };
    auto root = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        co_await group.spawn(main);
        if (all)
          co_await group.spawn(canceller, std::ref(group));
      });
    };
    if (all)
      runtime.run(root());
    else
      BOOST_CHECK_THROW(runtime.run(root()), system_error);
    BOOST_TEST(inside == (all ? reset : asio::error::timed_out));
    BOOST_TEST(child_inside == (all ? reset : asio::error::timed_out));
  }
}

BOOST_AUTO_TEST_CASE(what_is_shielded_is_not_seen) {
  gate door(pool.get_executor());
  error_code within = reset;
  error_code after;
  auto child = [&]() -> task<> {
    auto cleans_up = [&]() -> task<> {
      co_await door.wait();
      within = weir::this_task::cancel_reason();
    };
    co_await shield(cleans_up());
    after = weir::this_task::cancel_reason();
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel(reset);
  door.open();
  wait(group.join());
  BOOST_TEST(!within);
  BOOST_TEST(after == reset);
}

BOOST_AUTO_TEST_CASE(within_a_shield_only_what_is_within_counts) {
  deterministic_runtime runtime; // asks() waits before the time is over
  gate never(runtime.get_executor());
  error_code within;
  auto cleans_up = [&]() -> task<> {
    co_await with_timeout(1ms, asks(never, within));
  };
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) { // cancelled
    }
    co_await shield(cleans_up());
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(child);
      co_await sleep_for(1ms);
      group.cancel(reset);
    });
  };
  BOOST_CHECK_EXCEPTION(
      runtime.run(main()), system_error, has_code(asio::error::timed_out));
  BOOST_TEST(within == asio::error::timed_out);
}

BOOST_AUTO_TEST_CASE(an_awaitable_in_a_task_reads_the_tasks_reason) {
  gate never(pool.get_executor());
  error_code why;
  auto awaits = [&]() -> asio::awaitable<void> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      why = weir::this_task::cancel_reason();
      throw;
    }
  };
  task_group group(pool);
  wait(group.spawn(awaits));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel(reset);
  wait(group.join());
  BOOST_TEST(why == reset);
}

BOOST_AUTO_TEST_CASE(a_slot_of_co_spawn_aborts) {
  gate never(pool.get_executor());
  error_code why;
  asio::cancellation_signal signal;
  auto done = weir::co_spawn(
      pool,
      asks(never, why),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until([&] { return never.arrivals() == 1; });
  signal.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_THROW(done.get(), system_error);
  BOOST_TEST(why == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_this_task
