// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Which error join() reports, and what happens to the siblings.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_error, pool_fixture)

using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(join_rethrows_the_error_unchanged) {
  struct own {
    int number;
  };
  auto throws = []() -> task<> {
    throw own{4};
    co_return;
  };
  task_group group(pool);
  wait(group.spawn(throws));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), own, [](const own& e) { return e.number == 4; });
}

BOOST_AUTO_TEST_CASE(join_rethrows_what_is_no_std_exception) {
  auto throws = []() -> task<> {
    throw 5;
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(throws);
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(run(main()), int, [](int n) { return n == 5; });
}

BOOST_AUTO_TEST_CASE(the_first_error_cancels_the_siblings) {
  for (on_cancel form : forms) {
    for (std::size_t siblings : {1u, 3u, 50u}) {
      BOOST_TEST_CONTEXT("form " << static_cast<int>(form) << ", siblings "
                                 << siblings) {
        gate never(pool.get_executor());
        std::atomic<int> ended{0};
        task_group group(pool, {.cancellation = form});
        for (std::size_t i = 0; i != siblings; ++i)
          wait(group.spawn(waits_and_counts(never, ended)));
        block_until([&] { return never.arrivals() == siblings; });
        wait(group.spawn(fails_with("boom")));
        BOOST_CHECK_EXCEPTION(
            wait(group.join()), std::runtime_error, says("boom"));
        BOOST_TEST(ended == static_cast<int>(siblings));
        BOOST_TEST(group.is_cancelled());
        BOOST_TEST(group.cancel_reason() == asio::error::operation_aborted);
        BOOST_TEST(group.stats().cancelled == siblings);
        BOOST_TEST(group.stats().failed == 1u);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_error_is_stored_before_the_siblings_are_cancelled) {
  for (int round = 0; round != 500; ++round) {
    gate never(pool.get_executor());
    // join() would throw a sibling's answer if that came first.
    std::atomic<bool> start{false};
    auto sibling = [&]() -> task<> {
      while (!start)
        co_await checkpoint();
      try {
        co_await never.wait();
      } catch (const boost::system::system_error&) {
        throw std::runtime_error("answer");
      }
    };
    auto fails = [&]() -> task<> {
      start = true;
      throw std::runtime_error("root");
      co_return;
    };
    task_group group(pool);
    for (int i = 0; i != 3; ++i)
      wait(group.spawn(sibling));
    wait(group.spawn(fails));
    BOOST_REQUIRE_EXCEPTION(
        wait(group.join()), std::runtime_error, says("root"));
  }
}

BOOST_AUTO_TEST_CASE(the_error_is_stored_before_any_sibling_can_answer) {
  // Many: the first cancelled sibling answers while the others are still being
  // cancelled.
  constexpr std::size_t siblings = 1000;
  for (int round = 0; round != 10; ++round) {
    gate never(pool.get_executor());
    auto answers = [&]() -> task<> {
      try {
        co_await never.wait();
      } catch (const boost::system::system_error&) {
        throw std::runtime_error("answer");
      }
    };
    task_group group(pool);
    for (std::size_t i = 0; i != siblings; ++i)
      wait(group.spawn(answers));
    block_until([&] { return never.arrivals() == siblings; });
    wait(group.spawn(fails_with("root")));
    BOOST_REQUIRE_EXCEPTION(
        wait(group.join()), std::runtime_error, says("root"));
  }
}

BOOST_AUTO_TEST_CASE(join_waits_for_siblings_that_ignore_the_cancellation) {
  gate door(pool.get_executor());
  std::atomic<bool> ended{false};
  auto stubborn = [&]() -> task<> {
    co_await shield(waits_for(door));
    ended = true;
  };
  task_group group(pool);
  wait(group.spawn(stubborn));
  block_until([&] { return door.arrivals() == 1; });
  wait(group.spawn(fails_with("boom")));
  auto joined = group.join()(asio::use_future);
  block_until([&] { return group.is_cancelled(); });
  BOOST_TEST((joined.wait_for(std::chrono::milliseconds(2)) ==
              std::future_status::timeout));
  BOOST_TEST(!ended);
  door.open();
  BOOST_CHECK_EXCEPTION(joined.get(), std::runtime_error, says("boom"));
  BOOST_TEST(ended);
}

BOOST_AUTO_TEST_CASE(after_the_first_error_spawn_is_aborted) {
  std::atomic<int> calls{0};
  task_group group(pool);
  wait(group.spawn(fails_with("first")));
  block_until([&] { return group.is_cancelled(); });
  BOOST_CHECK_EXCEPTION(wait(group.spawn(counts(calls))),
                        system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST((group.try_spawn(counts(calls)) == spawn_status::cancelled));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("first"));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_spawn_that_waits_is_refused_at_the_first_error) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      gate door(pool.get_executor());
      std::atomic<int> calls{0};
      auto fails = [&]() -> task<> {
        co_await door.wait();
        throw std::runtime_error("first");
      };
      gate never(pool.get_executor());
      task_group group(pool, {.max_in_flight = cap});
      wait(group.spawn(fails));
      for (std::size_t i = 1; i != cap; ++i)
        wait(group.spawn(waits_for(never)));
      auto waiting = group.spawn(counts(calls))(asio::use_future);
      door.open();
      BOOST_CHECK_EXCEPTION(waiting.get(),
                            system_error,
                            has_code(asio::error::operation_aborted));
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), std::runtime_error, says("first"));
      BOOST_TEST(calls == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_abort_of_a_sibling_never_hides_the_root_error) {
  gate never(pool.get_executor());
  // It catches its cancellation and throws the same code itself.
  auto rethrows = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw system_error(asio::error::operation_aborted);
    }
  };
  task_group group(pool);
  for (int i = 0; i != 5; ++i)
    wait(group.spawn(rethrows));
  block_until([&] { return never.arrivals() == 5; });
  wait(group.spawn(fails_with("root")));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("root"));
  BOOST_TEST(group.stats().failed == 1u);
  BOOST_TEST(group.stats().cancelled == 5u);
}

BOOST_AUTO_TEST_CASE(operation_aborted_that_nobody_asked_for_is_an_error) {
  auto aborts = []() -> task<> {
    throw system_error(asio::error::operation_aborted);
    co_return;
  };
  task_group group(pool);
  wait(group.spawn(aborts));
  BOOST_CHECK_EXCEPTION(wait(group.join()),
                        system_error,
                        has_code(asio::error::operation_aborted));
  BOOST_TEST(group.stats().failed == 1u);
  BOOST_TEST(group.stats().cancelled == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_error_is_counted_but_not_reported) {
  gate never(pool.get_executor());
  auto answers = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("second");
    }
  };
  task_group group(pool);
  wait(group.spawn(answers));
  block_until([&] { return never.arrivals() == 1; });
  wait(group.spawn(fails_with("first")));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("first"));
  BOOST_TEST(group.stats().failed == 2u);
}

BOOST_AUTO_TEST_CASE(errors_come_up_one_level_at_a_time) {
  std::atomic<int> levels{0};
  struct nest {
    weir::runtime& pool;
    std::atomic<int>& levels;
    task<> down(int depth) const {
      if (depth == 0)
        throw std::runtime_error("deepest");
      try {
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          co_await group.spawn(down(depth - 1));
        });
      } catch (const std::runtime_error&) {
        ++levels;
        throw;
      }
    }
  };
  const nest nested{pool, levels};
  BOOST_CHECK_EXCEPTION(
      run(nested.down(300)), std::runtime_error, says("deepest"));
  BOOST_TEST(levels == 300);
}

BOOST_AUTO_TEST_CASE(an_abandoned_child_frees_its_slot_and_is_reported) {
  auto dropped = [] {
    return asio::async_initiate<const asio::deferred_t, void()>(
        [](auto handler) { (void)handler; }, asio::deferred);
  };
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      task_group group(pool,
                       {.max_in_flight = cap, .errors = on_error::keep_going});
      for (std::size_t i = 0; i != 3 * cap; ++i)
        wait(group.spawn(dropped()));
      wait(group.spawn(counts(calls)));
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), system_error, has_code(errc::task_abandoned));
      BOOST_TEST(calls == 1);
      BOOST_TEST(group.stats().in_flight == 0u);
      BOOST_TEST(group.stats().failed == 3 * cap);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
