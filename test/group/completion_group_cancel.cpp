// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancelled callers of next(), wrong uses, and the end of the runtime.

#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/error.hpp>
#include <weir/task.hpp>

#include "support/counted.hpp"
#include "support/ending.hpp"
#include "support/foreign.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(completion_group_cancel)

using boost::system::system_error;
using weir::completion_group;

task<int> gives(int n) { co_return n; }

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_FIXTURE_TEST_CASE(a_cancelled_next_leaves_the_result, pool_fixture) {
  for (on_cancel form : forms) {
    completion_group<int> group(pool);
    std::atomic<bool> waits{false};
    auto takes = [&]() -> task<> {
      waits = true;
      (void)co_await group.next();
    };
    task_group takers(pool, {.cancellation = form});
    wait(takers.spawn(takes));
    block_until([&] { return waits.load(); });
    takers.cancel();
    wait(takers.join());
    wait(group.spawn(gives(7)));
    BOOST_TEST(wait(group.next())->result.value() == 7);
    wait(group.join());
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancel_that_races_with_a_result_loses_none,
                        pool_fixture) {
  int taken = 0;
  int left = 0;
  for (int round = 0; round < 300 && (taken < 20 || left < 20); ++round) {
    const on_cancel form = forms[round % 2];
    std::atomic<int> got{0};
    bool rest = false;
    auto main = [&]() -> task<> {
      completion_group<int> group(pool);
      auto takes = [&]() -> task<> {
        if (co_await group.next())
          ++got;
      };
      task_group takers(pool, {.cancellation = form});
      co_await takers.spawn(takes);
      co_await group.spawn(gives(1));
      if (round % 4 >= 2)
        co_await checkpoint();
      takers.cancel();
      co_await takers.join();
      co_await group.join();
      rest = (co_await group.next()).has_value();
    };
    pool.run(main());
    BOOST_REQUIRE(got + rest == 1);
    (rest ? left : taken)++;
  }
}

BOOST_FIXTURE_TEST_CASE(next_from_a_child_would_deadlock, pool_fixture) {
  completion_group<int> group(pool);
  auto child = [&]() -> task<int> {
    try {
      (void)co_await group.next();
    } catch (const system_error& e) {
      co_return e.code().value();
    }
    co_return 0;
  };
  wait(group.spawn(child));
  BOOST_TEST(wait(group.next())->result.value() ==
             static_cast<int>(errc::would_deadlock));
  wait(group.join());
}

BOOST_FIXTURE_TEST_CASE(children_may_spawn_at_any_cap_and_bound, pool_fixture) {
  for (std::size_t cap : caps) {
    for (std::size_t bound : {std::size_t{0}, std::size_t{2}}) {
      int sum = 0;
      auto main = [&]() -> task<> {
        completion_group<int> group(
            pool, {.max_in_flight = cap, .max_unconsumed = bound});
        auto node = [&]() -> task<int> {
          for (int i = 0; i != 3; ++i)
            co_await group.spawn(gives(i));
          co_return 100;
        };
        auto produces = [&]() -> task<> {
          for (int i = 0; i != 10; ++i)
            co_await group.spawn(node);
        };
        task_group producers(pool);
        co_await producers.spawn(produces);
        for (int n = 0; n != 40; ++n)
          sum += (co_await group.next())->result.value();
        co_await producers.join();
        co_await group.join();
      };
      pool.run(main());
      BOOST_TEST(sum == 10 * (100 + 3));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(refused_work_may_outlive_the_group, pool_fixture) {
  std::atomic<int> alive{0};
  std::optional<spawn_operation> kept;
  {
    completion_group<counted> group(pool);
    auto child = [&]() -> task<counted> { co_return counted(alive); };
    group.close();
    BOOST_CHECK_EXCEPTION(
        wait(group.spawn(child)), system_error, has_code(errc::group_closed));
    kept.emplace(group.spawn(child));
    wait(group.join());
  }
  kept.reset();
  BOOST_TEST(alive == 0);
}

BOOST_FIXTURE_TEST_CASE(bad_input_is_refused_at_the_call, pool_fixture) {
  BOOST_CHECK_EXCEPTION(completion_group<int>(pool, {.max_in_flight = 0}),
                        std::invalid_argument,
                        says("max_in_flight is 0"));
  completion_group<int> group(pool);
  BOOST_CHECK_EXCEPTION((void)group.spawn(task<int>()),
                        std::invalid_argument,
                        says("weir::completion_group::spawn"));
  wait(group.join());
}

BOOST_FIXTURE_TEST_CASE(a_coroutine_of_asio_takes_results, pool_fixture) {
  completion_group<int> group(pool);
  auto main = [&]() -> asio::awaitable<int> {
    for (int i = 1; i != 4; ++i)
      co_await group.spawn(gives(i));
    group.close();
    int sum = 0;
    while (auto done = co_await group.next())
      sum += done->result.value();
    co_await group.join();
    co_return sum;
  };
  BOOST_TEST(run_foreign(main()) == 6);
}

BOOST_FIXTURE_TEST_CASE(a_stopped_runtime_destroys_what_waits, ending) {
  std::atomic<int> gone{0};
  std::atomic<int> waits{0};
  auto holds = [&]() -> task<counted> { co_return counted(alive); };
  auto main = [&]() -> task<> {
    on_scope_exit count([&] { ++gone; });
    completion_group<counted> group(*pool,
                                    {.max_in_flight = 2, .max_unconsumed = 0});
    co_await group.spawn(holds);
    co_await group.spawn(holds);
    ++waits;
    co_await group.spawn(holds); // for ever
  };
  auto asks = [&]() -> task<> {
    on_scope_exit count([&] { ++gone; });
    completion_group<int> group(*pool);
    ++waits;
    (void)co_await group.next();
  };
  start(main());
  start(asks());
  block_until([&] { return waits == 2 && alive >= 2; });
  pool->stop();
  end();
  BOOST_TEST(gone == 2);
  BOOST_TEST(alive == 0);
}

// In either order of destruction.
BOOST_AUTO_TEST_CASE(a_stopped_runtime_may_destroy_the_group_before_next) {
  for (bool owner_first : {false, true}) {
    ending all;
    std::atomic<completion_group<int>*> at{nullptr};
    std::atomic<int> gone{0};
    std::atomic<bool> waits{false};
    auto owns = [&]() -> task<> {
      on_scope_exit count([&] { ++gone; });
      auto kept = all.never;
      completion_group<int> group(*all.pool);
      at = &group;
      co_await kept->wait();
    };
    auto takes = [&]() -> task<> {
      on_scope_exit count([&] { ++gone; });
      co_await until([&] { return at.load() != nullptr; });
      waits = true;
      (void)co_await at.load()->next();
    };
    if (owner_first)
      all.start(owns());
    all.start(takes());
    if (!owner_first)
      all.start(owns());
    block_until([&] { return waits && all.never->arrivals() == 1; });
    all.pool->stop();
    all.end();
    BOOST_TEST(gone == 2);
  }
}

BOOST_FIXTURE_TEST_CASE(an_error_before_the_cancellation_is_the_childs_end,
                        pool_fixture) {
  for (on_cancel form : forms) {
    completion_group<int> group(pool,
                                {.max_unconsumed = 0,
                                 .errors = on_error::keep_going,
                                 .cancellation = form});
    std::atomic<bool> failing{false};
    auto fails = [&]() -> task<int> {
      failing = true;
      throw std::runtime_error("boom");
      co_return 0;
    };
    wait(group.spawn(fails));
    block_until([&] { return failing.load(); });
    group.cancel();
    BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("boom"));
    BOOST_TEST(group.stats().failed == 1u);
    BOOST_TEST(group.stats().cancelled == 0u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_join_cancels_the_children, pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    auto child = [&]() -> task<int> {
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
      co_return 1;
    };
    completion_group<int> group(pool);
    wait(group.spawn(child));
    int ended_first = -1;
    std::atomic<bool> begun{false};
    auto joins = [&]() -> task<> {
      on_scope_exit note([&] { ended_first = ended; });
      begun = true;
      co_await group.join();
    };
    task_group joiners(pool, {.cancellation = form});
    wait(joiners.spawn(joins));
    block_until([&] { return begun && never.arrivals() == 1; });
    joiners.cancel();
    wait(joiners.join());
    BOOST_TEST(ended_first == 1);
    BOOST_TEST(joiners.stats().cancelled == 1u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
