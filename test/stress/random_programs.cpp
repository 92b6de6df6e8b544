// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Random programs against one group, from many threads at once. What is
// checked holds for every interleaving: nothing is lost, nothing runs twice,
// nothing hangs.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "../support/counted.hpp"
#include "../support/high_water.hpp"
#include "../support/work.hpp"
#include "seed.hpp"
#include "stress_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(random_programs, stress_fixture)

using boost::system::system_error;
using namespace std::chrono_literals;

// What one round saw, over all of its children and spawners.
struct counters {
  std::atomic<int> alive{0}; // frames and arguments
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};   // frames that are destroyed
  std::atomic<int> refused{0}; // spawns that threw
  std::atomic<int> asked{0};
  std::atomic<bool> cancelled{false}; // a cancel() has returned
  std::atomic<int> late{0};           // awaits that began later and completed
  high_water inside;
};

struct plan {
  std::size_t cap;
  bool fails;   // one child in 50 throws
  bool cancels; // a thread cancels
  bool resizes; // a thread changes the cap
  bool closes;
  on_cancel form;
};

task<> steps(std::size_t n) {
  for (; n != 0; --n)
    co_await checkpoint();
}

task<int> one() { co_return 1; }

// Awaits that are ready at once. Only the engine ends them in a group that is
// cancelled.
task<> never_waits(task_group& group, counters& c, std::size_t n) {
  limiter permits(1);
  channel<int> values(1);
  for (std::size_t i = 0; i < n || group.is_cancelled(); ++i) {
    bool is_late = c.cancelled;
    const permit held = co_await permits.acquire();
    c.late += is_late;
    is_late = c.cancelled;
    const int value = co_await one();
    c.late += is_late;
    is_late = c.cancelled;
    co_await values.send(value);
    c.late += is_late;
    is_late = c.cancelled;
    (void)co_await values.receive();
    c.late += is_late;
    is_late = c.cancelled;
    co_await sleep_for(0s);
    c.late += is_late;
  }
}

task<> child(task_group& group,
             counters& c,
             counted,
             std::uint64_t stream,
             bool fails,
             int depth) {
  ++c.begun;
  c.inside.enter();
  on_scope_exit leave([&] {
    c.inside.leave();
    ++c.ended;
  });
  chance random(stream);
  switch (random.below(7)) {
  case 0:
    break;
  case 1:
    co_await checkpoint();
    break;
  case 2:
    co_await sleep_for(std::chrono::microseconds(random.below(2000)));
    break;
  case 3:
    co_await shield(steps(1));
    break;
  case 4:
    if (depth != 0) {
      ++c.asked;
      bool spawned = false;
      on_scope_exit count([&] { c.refused += !spawned; });
      try {
        co_await group.spawn(child(
            group, c, counted(c.alive), 7 * stream + 1, fails, depth - 1));
        spawned = true;
      } catch (const system_error& e) {
        if (e.code() != errc::group_closed)
          throw;
      }
    }
    break;
  case 5:
    co_await with_task_group({.max_in_flight = 1},
                             [&](task_group& inner) -> task<> {
                               for (int i = 0; i != 3; ++i)
                                 co_await inner.spawn(returns());
                             });
    break;
  case 6:
    co_await never_waits(group, c, random.below(300));
    break;
  }
  if (fails && random.one_in(50))
    throw std::runtime_error("by plan");
}

BOOST_AUTO_TEST_CASE(random_programs_lose_nothing) {
  std::atomic<int> ended_well{0};
  std::atomic<int> ended_by_error{0};
  auto round = [&](int number) {
    chance random(static_cast<std::uint64_t>(number));
    plan p{};
    const std::size_t sizes[] = {1, 2, 3, 8, unlimited};
    p.cap = sizes[random.below(5)];
    p.fails = random.one_in(3);
    p.cancels = random.one_in(3);
    p.resizes = random.one_in(2);
    p.closes = random.one_in(4);
    p.form = random.one_in(2) ? on_cancel::raise : on_cancel::unwind;

    counters c;
    {
      task_group group(pool, {.max_in_flight = p.cap, .cancellation = p.form});
      std::vector<std::thread> threads;
      for (std::uint64_t t = 0; t != 3; ++t)
        threads.emplace_back([&, t] {
          chance mine(1000 * static_cast<std::uint64_t>(number) + t);
          for (int i = 0; i != 40; ++i) {
            const std::uint64_t stream =
                (static_cast<std::uint64_t>(number) << 16) + 100 * t +
                static_cast<std::uint64_t>(i);
            ++c.asked;
            if (mine.one_in(4)) {
              task<> one =
                  child(group, c, counted(c.alive), stream, p.fails, 3);
              if (group.try_spawn(std::move(one)) != spawn_status::started)
                ++c.refused;
            } else {
              try {
                wait(group.spawn(
                    child(group, c, counted(c.alive), stream, p.fails, 3)));
              } catch (const system_error&) {
                ++c.refused;
              }
            }
            if (p.resizes && mine.one_in(10))
              group.set_max_in_flight(sizes[mine.below(5)]);
            if (p.closes && mine.one_in(60))
              group.close();
            if (p.cancels && mine.one_in(60)) {
              group.cancel();
              c.cancelled = true;
            }
            if (mine.one_in(20))
              (void)group.stats();
          }
        });
      for (std::thread& t : threads)
        t.join();
      try {
        wait(group.join());
        ++ended_well;
      } catch (const std::runtime_error& e) {
        BOOST_TEST(e.what() == std::string("by plan"));
        ++ended_by_error;
      }
      const task_group_stats s = group.stats();
      BOOST_TEST(s.in_flight == 0u);
      BOOST_TEST(s.waiting == 0u);
      BOOST_TEST(s.spawned == s.completed + s.failed + s.cancelled);
      // Every spawn started its child or reported that it did not. The group
      // does not count a task that was cancelled before it called spawn().
      BOOST_TEST(s.spawned + static_cast<unsigned>(c.refused) ==
                 static_cast<unsigned>(c.asked));
      BOOST_TEST(s.rejected <= static_cast<unsigned>(c.refused));
      if (!p.fails && !p.cancels) {
        BOOST_TEST(s.completed == s.spawned);
        BOOST_TEST(s.rejected == static_cast<unsigned>(c.refused));
        if (!p.resizes)
          BOOST_TEST(s.peak <= p.cap);
      }
    }
    BOOST_TEST(c.alive == 0);
    BOOST_TEST(c.begun == c.ended);
    BOOST_TEST(c.late == 0);
  };
  const int rounds =
      repeat(3s, round, [&] { return ended_well > 0 && ended_by_error > 0; });
  BOOST_TEST_MESSAGE(rounds << " rounds");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
