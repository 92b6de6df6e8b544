// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Ending a cancelled task without an exception.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/result_group.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/start.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_result_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

struct unwinds : pool_fixture {
  // Runs one child of an unwinding group and cancels it when `parked` holds.
  template <typename Child, typename Condition>
  task_group_stats unwind_child(Child child, Condition parked) {
    task_group group(pool, {.cancellation = on_cancel::unwind});
    wait(group.spawn(std::move(child)));
    block_until(parked);
    group.cancel();
    wait(group.join());
    return group.stats();
  }

  gate never{pool.get_executor()};
  auto parked() {
    return [this] { return never.arrivals() != 0; };
  }
};

BOOST_FIXTURE_TEST_SUITE(unwind, unwinds)

using boost::system::system_error;

BOOST_AUTO_TEST_CASE(destructors_run_and_handlers_do_not) {
  bool destroyed = false;
  bool handled = false;
  auto child = [&]() -> task<> {
    on_scope_exit mark([&] { destroyed = true; });
    for (;;) {
      try {
        co_await never.wait();
      } catch (...) {
        handled = true;
      }
    }
  };
  const task_group_stats stats = unwind_child(child(), parked());
  BOOST_TEST(destroyed);
  BOOST_TEST(!handled);
  BOOST_TEST(stats.cancelled == 1u);
  BOOST_TEST(stats.failed == 0u);
  BOOST_TEST(stats.completed == 0u);
}

BOOST_AUTO_TEST_CASE(no_exception_is_in_flight_in_a_destructor) {
  int in_flight = -1;
  auto child = [&]() -> task<> {
    on_scope_exit mark([&] { in_flight = std::uncaught_exceptions(); });
    co_await never.wait();
  };
  unwind_child(child(), parked());
  BOOST_TEST(in_flight == 0);
}

BOOST_AUTO_TEST_CASE(frames_are_destroyed_from_the_inside_out) {
  journal<int> order;
  struct nest {
    journal<int>& order;
    gate& never;
    task<> down(int level) const {
      on_scope_exit first([&] { order.add(10 * level); });
      on_scope_exit second([&] { order.add(10 * level + 1); });
      if (level == 3)
        co_await never.wait();
      else
        co_await down(level + 1);
    }
  };
  const nest nested{order, never};
  unwind_child(nested.down(1), parked());
  BOOST_TEST((order.entries() == std::vector<int>{31, 30, 21, 20, 11, 10}));
}

BOOST_AUTO_TEST_CASE(locals_arguments_and_the_callable_are_destroyed) {
  std::atomic<int> alive{0};
  auto child = [&, kept = counted(alive)](counted) -> task<> {
    counted local(alive);
    co_await never.wait();
  };
  {
    task_group group(pool, {.cancellation = on_cancel::unwind});
    wait(group.spawn(child, counted(alive)));
    block_until(parked());
    group.cancel();
    wait(group.join());
    BOOST_TEST(alive == 1); // the named callable of this case
  }
}

// Each way to wait. None may resume the coroutine.
template <typename Parked>
void check_unwinds(unwinds& f, Parked waits) {
  std::atomic<bool> destroyed{false};
  std::atomic<bool> went_on{false};
  std::atomic<bool> begun{false};
  auto child = [&]() -> task<> {
    on_scope_exit mark([&] { destroyed = true; });
    begun = true;
    try {
      co_await waits();
    } catch (...) {
      went_on = true;
    }
    went_on = true;
  };
  const task_group_stats stats =
      f.unwind_child(child(), [&] { return begun.load(); });
  BOOST_TEST(destroyed);
  BOOST_TEST(!went_on);
  BOOST_TEST(stats.cancelled == 1u);
}

BOOST_AUTO_TEST_CASE(out_of_our_sleeps) {
  check_unwinds(*this, [] { return sleep_for(std::chrono::hours(1)); });
}

BOOST_AUTO_TEST_CASE(out_of_timers_of_asio) {
  asio::steady_timer timer(pool.get_executor(), std::chrono::hours(1));
  check_unwinds(*this, [&] { return timer.async_wait(asio::deferred); });
}

BOOST_AUTO_TEST_CASE(out_of_checkpoints) {
  check_unwinds(*this, []() -> task<> {
    for (;;)
      co_await checkpoint();
  });
}

BOOST_AUTO_TEST_CASE(out_of_a_wait_for_a_slot) {
  gate door(pool.get_executor());
  task_group full(pool, {.max_in_flight = 1});
  wait(full.spawn(waits_for(door)));
  check_unwinds(*this, [&] { return full.spawn(returns()); });
  door.open();
  wait(full.join());
}

BOOST_AUTO_TEST_CASE(out_of_a_join_when_the_children_have_ended) {
  std::atomic<int> ended{0};
  task_group inner(pool);
  wait(inner.spawn(waits_and_counts(never, ended)));
  block_until(parked());
  check_unwinds(*this, [&] { return inner.join(); });
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(out_of_awaitables_of_asio) {
  check_unwinds(*this,
                [&]() -> asio::awaitable<void> { co_await never.wait(); });
}

BOOST_AUTO_TEST_CASE(out_of_root_tasks_of_others) {
  check_unwinds(*this, [&] {
    return weir::co_spawn(pool, waits_for(never), asio::deferred);
  });
}

BOOST_AUTO_TEST_CASE(a_nested_group_joins_its_children_first) {
  journal<char> order;
  auto inner_child = [&]() -> task<> {
    on_scope_exit mark([&] { order.add('c'); });
    co_await never.wait();
  };
  auto child = [&]() -> task<> {
    on_scope_exit mark([&] { order.add('o'); });
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      on_scope_exit body([&] { order.add('b'); });
      for (int i = 0; i != 3; ++i)
        co_await group.spawn(inner_child);
      co_await until([&] { return never.arrivals() == 3; });
      co_await never.wait();
    });
  };
  unwind_child(child(), [&] { return never.arrivals() == 4; });
  const std::vector<char> got = order.entries();
  const std::string text(got.begin(), got.end());
  BOOST_TEST(text.size() == 5u);
  BOOST_TEST(text.back() == 'o');
}

// Records whether an exception leaves it.
template <typename T>
task<T> watched(task<T> work, std::atomic<bool>& caught) {
  try {
    co_return co_await std::move(work);
  } catch (...) {
    caught = true;
    throw;
  }
}

// There is no child to wait for: join() does not suspend.
BOOST_AUTO_TEST_CASE(a_nested_group_whose_children_have_ended_is_left_at_once) {
  std::atomic<bool> caught{false};
  auto child = [&]() -> task<> {
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(returns());
      co_await group.wait_idle();
      co_await never.wait();
    };
    co_await watched(with_task_group({}, body), caught);
  };
  const task_group_stats stats = unwind_child(child(), parked());
  BOOST_TEST(!caught);
  BOOST_TEST(stats.cancelled == 1u);
}

// The group is cancelled at once; the request to the task is on its way to the
// task's strand.
BOOST_AUTO_TEST_CASE(what_a_cancelled_group_refuses_unwinds_who_was_not_told) {
  task_group group(pool, {.cancellation = on_cancel::unwind});
  std::atomic<bool> caught{false};
  auto child = [&]() -> task<> {
    co_await checkpoint(); // From here on cancellations reach the child.
    std::thread([&] { group.cancel(); }).join();
    auto spawns = [&]() -> task<> { co_await group.spawn(returns()); };
    co_await watched(spawns(), caught);
  };
  wait(group.spawn(child));
  wait(group.join());
  BOOST_TEST(!caught);
  BOOST_TEST(group.stats().cancelled == 1u);
}

BOOST_AUTO_TEST_CASE(so_does_a_start_whose_child_has_not_begun) {
  std::atomic<int> stopped{0};
  std::atomic<bool> caught{false};
  auto serve = [](started<>& up) -> task<> {
    up.set();
    co_return;
  };
  for (int round = 0; round != 300; ++round) {
    task_group group(pool, {.cancellation = on_cancel::unwind});
    std::promise<void> begun;
    auto child = [&]() -> task<> {
      on_scope_exit mark([&] { ++stopped; });
      begun.set_value();
      auto starts = [&]() -> task<> {
        for (;;)
          co_await start(group, serve);
      };
      co_await watched(starts(), caught);
    };
    wait(group.spawn(child));
    begun.get_future().wait();
    group.cancel();
    wait(group.join());
  }
  BOOST_TEST(!caught);
  BOOST_TEST(stopped == 300);
}

// Its children's errors are among the results, and no reason to throw.
BOOST_AUTO_TEST_CASE(a_nested_group_of_results_with_a_failed_child_does_too) {
  std::atomic<bool> caught{false};
  auto fails = []() -> task<int> {
    throw std::runtime_error("a result");
    co_return 1;
  };
  auto body = [&](result_group<int>& results) -> task<> {
    co_await results.spawn(fails());
    co_await never.wait();
  };
  auto child = [&]() -> task<> {
    const task_group_options options{.errors = on_error::keep_going};
    (void)co_await watched(with_result_group<int>(options, body), caught);
  };
  const task_group_stats stats = unwind_child(child(), parked());
  BOOST_TEST(!caught);
  BOOST_TEST(stats.cancelled == 1u);
}

BOOST_AUTO_TEST_CASE(and_one_that_cancelled_itself_before) {
  std::atomic<bool> caught{false};
  auto body = [&](task_group& group) -> task<int> {
    group.cancel();
    co_await shield(waits_for(never));
    co_await checkpoint();
    co_return 1;
  };
  task_group group(pool, {.cancellation = on_cancel::unwind});
  auto child = [&]() -> task<> {
    (void)co_await watched(with_task_group({}, body), caught);
  };
  wait(group.spawn(child));
  block_until(parked());
  group.cancel();
  never.open();
  wait(group.join());
  BOOST_TEST(!caught);
  BOOST_TEST(group.stats().cancelled == 1u);
}

BOOST_AUTO_TEST_CASE(a_nested_group_waits_for_a_stubborn_child) {
  gate door(pool.get_executor());
  std::atomic<bool> child_done{false};
  std::atomic<bool> in_order{false};
  auto stubborn = [&]() -> task<> {
    co_await shield(waits_for(door));
    child_done = true;
  };
  auto child = [&]() -> task<> {
    on_scope_exit mark([&] { in_order = child_done.load(); });
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(stubborn);
    });
  };
  task_group group(pool, {.cancellation = on_cancel::unwind});
  wait(group.spawn(child));
  block_until([&] { return door.arrivals() == 1; });
  group.cancel();
  auto joined = group.join()(asio::use_future);
  BOOST_TEST((joined.wait_for(std::chrono::milliseconds(2)) ==
              std::future_status::timeout));
  door.open();
  joined.get();
  BOOST_TEST(in_order);
}

BOOST_AUTO_TEST_CASE(an_error_of_a_nested_child_is_still_an_exception) {
  std::atomic<bool> caught{false};
  auto answers = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("clean-up failed");
    }
  };
  auto child = [&]() -> task<> {
    try {
      // Its children get exceptions.
      co_await with_task_group(
          {.cancellation = on_cancel::raise},
          [&](task_group& group) -> task<> { co_await group.spawn(answers); });
    } catch (const std::runtime_error&) {
      caught = true;
      throw;
    }
  };
  task_group group(pool, {.cancellation = on_cancel::unwind});
  wait(group.spawn(child));
  block_until(parked());
  group.cancel();
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), std::runtime_error, says("clean-up failed"));
  BOOST_TEST(caught);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
