// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Awaits that are ready at once: a cancellation ends them like those that
// suspend. The table of kinds, which all cases go through, makes it long.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/completion_group.hpp>
#include <weir/limiter.hpp>
#include <weir/race.hpp>
#include <weir/receive_any.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/this_task.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>
#include <weir/work_queue.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(ready_awaits, pool_fixture)

using boost::system::system_error;

task<int> one() { co_return 1; }

task<> nothing(task_group&) { co_return; }

// Completes inside its initiation.
auto completes_inline() {
  return asio::async_initiate<const asio::deferred_t, void()>(
      [](auto handler) { std::move(handler)(); }, asio::deferred);
}

// The objects that the awaits use so that they are always ready.
struct objects {
  explicit objects(weir::runtime& pool)
      : idle(pool), results(pool, {}),
        queue(pool, work_queue_options{.consumers = 1}, [](int) {}) {
    results.close();
    queue.close();
  }

  limiter permits{1};
  channel<int> full{4};
  channel<int> room{4};
  task_group idle;
  completion_group<int> results;
  work_queue<int> queue;
};

// Calls `each()` after every await, until it throws or the task is ended.
using loop = task<> (*)(objects&, std::function<void()> each);

struct kind {
  const char* name;
  loop run;
};

task<> acquires(objects& o, std::function<void()> each) {
  for (;;) {
    permit held = co_await o.permits.acquire();
    each();
  }
}
task<> receives(objects& o, std::function<void()> each) {
  for (;;) {
    (void)o.full.try_send(1);
    (void)co_await o.full.receive();
    each();
  }
}
task<> receives_any(objects& o, std::function<void()> each) {
  for (;;) {
    (void)o.full.try_send(1);
    (void)co_await receive_any(o.full, o.room);
    each();
  }
}
task<> sends(objects& o, std::function<void()> each) {
  for (;;) {
    co_await o.room.send(1);
    (void)o.room.try_receive();
    each();
  }
}
task<> sleeps_not(objects&, std::function<void()> each) {
  for (;;) {
    co_await sleep_for(std::chrono::seconds(0));
    co_await sleep_for(std::chrono::seconds(-1));
    each();
  }
}
task<> awaits_a_task(objects&, std::function<void()> each) {
  for (;;) {
    (void)co_await one();
    each();
  }
}
task<> awaits_a_deadline(objects&, std::function<void()> each) {
  for (;;) {
    (void)co_await with_timeout(std::chrono::hours(1), one());
    each();
  }
}
task<> awaits_asio(objects&, std::function<void()> each) {
  for (;;) {
    co_await completes_inline();
    each();
  }
}
task<> awaits_a_scope(objects&, std::function<void()> each) {
  for (;;) {
    co_await with_task_group({}, nothing);
    each();
  }
}
task<> waits_idle(objects& o, std::function<void()> each) {
  for (;;) {
    co_await o.idle.wait_idle();
    each();
  }
}
task<> joins(objects& o, std::function<void()> each) {
  for (;;) {
    co_await o.idle.join();
    each();
  }
}
task<> takes_next(objects& o, std::function<void()> each) {
  for (;;) {
    (void)co_await o.results.next();
    each();
  }
}
task<> joins_results(objects& o, std::function<void()> each) {
  for (;;) {
    co_await o.results.join();
    each();
  }
}
task<> drains(objects& o, std::function<void()> each) {
  for (;;) {
    co_await o.queue.drain();
    each();
  }
}

constexpr kind kinds[] = {{"limiter", acquires},
                          {"channel receive", receives},
                          {"receive_any", receives_any},
                          {"channel send", sends},
                          {"sleep", sleeps_not},
                          {"task", awaits_a_task},
                          {"with_timeout", awaits_a_deadline},
                          {"Asio operation", awaits_asio},
                          {"with_task_group", awaits_a_scope},
                          {"wait_idle", waits_idle},
                          {"join", joins},
                          {"next", takes_next},
                          {"completion join", joins_results},
                          {"drain", drains}};

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

// The group of `objects` must not be that of the loop.
struct both {
  explicit both(weir::runtime& pool) : uses(pool) {}
  objects uses;
  void end(pool_fixture& f) {
    f.wait(uses.results.join());
    f.wait(uses.queue.join());
    f.wait(uses.idle.join());
  }
};

BOOST_AUTO_TEST_CASE(after_a_cancel_on_the_same_thread_not_one_completes) {
  for (const kind& each : kinds)
    for (const on_cancel form : forms)
      for (const int before : {0, 1, 300})
        BOOST_TEST_CONTEXT(each.name << ", awaits before: " << before) {
          both o(pool);
          std::atomic<int> after{0};
          task_group group(pool, {.cancellation = form});
          auto child = [&]() -> task<> {
            int count = 0;
            if (before == 0)
              group.cancel(); // It has not awaited yet.
            auto counts = [&] {
              ++count;
              if (count > before)
                ++after;
              if (count == before)
                group.cancel();
            };
            co_await each.run(o.uses, counts);
          };
          // The task itself: the task of a callable would be awaited.
          wait(group.spawn(child()));
          wait(group.join());
          BOOST_TEST(after == 0);
          o.end(*this);
        }
}

BOOST_AUTO_TEST_CASE(a_loop_of_them_ends_when_another_thread_cancels) {
  for (const kind& each : kinds)
    for (const on_cancel form : forms)
      BOOST_TEST_CONTEXT(each.name) {
        both o(pool);
        std::atomic<int> count{0};
        task_group group(pool, {.cancellation = form});
        wait(group.spawn(each.run(o.uses, [&] { ++count; })));
        block_until([&] { return count > 100; });
        group.cancel();
        wait(group.join());
        o.end(*this);
      }
}

// As soon as cancel() has returned, even if another thread is still cancelling
// the children.
BOOST_AUTO_TEST_CASE(after_a_cancel_that_came_before_not_one_completes) {
  for (int round = 0; round != 200; ++round) {
    limiter permits(4);
    std::atomic<bool> cancelled{false};
    std::atomic<int> begun{0};
    std::atomic<int> late{0};
    task_group group(pool);
    auto child = [&]() -> task<> {
      for (;;) {
        const bool is_late = cancelled.load();
        permit held = co_await permits.acquire();
        ++begun;
        if (is_late)
          ++late;
      }
    };
    for (int i = 0; i != 4; ++i)
      wait(group.spawn(child));
    block_until([&] { return begun > 20; });
    std::thread other([&] { group.cancel(); });
    group.cancel();
    cancelled = true;
    other.join();
    wait(group.join());
    BOOST_TEST_REQUIRE(late == 0);
  }
}

task<int> walk(int depth) {
  if (depth == 0)
    co_return 1;
  co_return co_await walk(depth - 1) + co_await walk(depth - 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_a_walk_over_children_that_never_suspend) {
  auto endless = []() -> task<> {
    for (;;)
      (void)co_await walk(10);
  };
  BOOST_CHECK_EXCEPTION(
      run(with_timeout(std::chrono::milliseconds(5), endless())),
      system_error,
      has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(an_error_of_a_sibling_ends_them) {
  limiter permits(1);
  auto body = [&](task_group& group) -> task<> {
    auto loops = [&]() -> task<> {
      for (;;)
        permit held = co_await permits.acquire();
    };
    auto fails = []() -> task<> {
      co_await sleep_for(std::chrono::milliseconds(2));
      throw std::runtime_error("boom");
    };
    co_await group.spawn(loops);
    co_await group.spawn(fails);
  };
  BOOST_CHECK_EXCEPTION(
      run(with_task_group({}, body)), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_race_ends_them) {
  auto polls = []() -> task<int> {
    for (;;)
      (void)co_await one();
  };
  auto sleeps = []() -> task<int> {
    co_await sleep_for(std::chrono::milliseconds(2));
    co_return 2;
  };
  auto main = [&]() -> task<int> {
    co_return (co_await race(sleeps(), polls())).value;
  };
  BOOST_TEST(run(main()) == 2);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_runtime_ends_them) {
  for (const std::size_t threads : {1u, 2u}) {
    std::atomic<int> begun{0};
    {
      weir::runtime brief(threads);
      auto loops = [&]() -> task<> {
        ++begun;
        for (;;)
          (void)co_await one();
      };
      for (std::size_t i = 0; i != threads; ++i)
        weir::co_spawn(brief, loops(), asio::detached);
      block_until([&] { return begun == static_cast<int>(threads); });
    }
  }
}

// A loop on each thread of the pool.
BOOST_AUTO_TEST_CASE(others_get_their_turn) {
  for (const kind& each : kinds)
    BOOST_TEST_CONTEXT(each.name) {
      both o(pool);
      both o2(pool);
      task_group group(pool);
      std::atomic<int> begun{0};
      wait(group.spawn(each.run(o.uses, [&] { ++begun; })));
      wait(group.spawn(each.run(o2.uses, [&] { ++begun; })));
      block_until([&] { return begun > 1000; });
      // A post, a task, a sleep of weir's and a timer of Asio's.
      asio::post(pool.get_executor(), asio::use_future).get();
      run(returns());
      run([]() -> task<> {
        co_await sleep_for(std::chrono::milliseconds(1));
        asio::steady_timer timer(co_await asio::this_coro::executor,
                                 std::chrono::milliseconds(1));
        co_await timer.async_wait(asio::deferred);
      }());
      group.cancel();
      wait(group.join());
      o.end(*this);
      o2.end(*this);
    }
}

BOOST_AUTO_TEST_CASE(functions_posted_to_the_task_run_between_two_turns) {
  limiter permits(1);
  std::vector<int> order; // on the task's strand
  bool in_an_await = false;
  bool was_in_an_await = false;
  auto main = [&]() -> task<> {
    const auto ex = co_await asio::this_coro::executor;
    for (int i = 0; i != 3; ++i)
      asio::post(ex, [&, i] {
        was_in_an_await |= in_an_await;
        order.push_back(i);
      });
    // Every turn ends, and then the posted functions run.
    while (order.size() != 3) {
      permit held = co_await permits.acquire();
      in_an_await = true;
      in_an_await = false;
    }
  };
  run(main());
  BOOST_TEST(order == (std::vector<int>{0, 1, 2}));
  BOOST_TEST(!was_in_an_await);
}

BOOST_AUTO_TEST_CASE(what_was_taken_before_is_kept) {
  channel<int> values(10);
  for (int i = 0; i != 10; ++i)
    (void)values.try_send(int(i));
  std::atomic<int> taken{0};
  task_group group(pool);
  auto child = [&]() -> task<> {
    while (co_await values.receive())
      if (++taken == 3)
        group.cancel();
  };
  wait(group.spawn(child));
  wait(group.join());
  BOOST_TEST(taken == 3);
  BOOST_TEST(values.size() == 7u);
}

BOOST_AUTO_TEST_CASE(a_shield_hides_the_cancellation_from_them) {
  limiter permits(1);
  int inside = 0;
  int after = 0;
  task_group group(pool);
  auto child = [&]() -> task<> {
    group.cancel();
    auto protects = [&]() -> task<> {
      for (int i = 0; i != 300; ++i) {
        permit held = co_await permits.acquire();
        ++inside;
      }
    };
    co_await shield(protects());
    (void)co_await one();
    ++after;
  };
  wait(group.spawn(child));
  wait(group.join());
  BOOST_TEST(inside == 300);
  BOOST_TEST(after == 0);
}

BOOST_AUTO_TEST_CASE(the_task_itself_is_told_why) {
  task_group group(pool);
  boost::system::error_code reason;
  auto child = [&]() -> task<> {
    group.cancel(make_error_code(errc::overloaded));
    try {
      (void)co_await one();
    } catch (const system_error&) {
      reason = this_task::cancel_reason();
    }
  };
  wait(group.spawn(child));
  wait(group.join());
  BOOST_TEST(reason == errc::overloaded);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
