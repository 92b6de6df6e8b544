// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// with_task_group() when its body or a child fails.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/unwinding.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(with_task_group_end, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;
using weir::with_task_group;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_failing_body_cancels_and_joins_its_children) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      int ended_outside = -1;
      auto main = [&]() -> task<> {
        try {
          co_await with_task_group(
              {.cancellation = form}, [&](task_group& group) -> task<> {
                for (int i = 0; i != 5; ++i)
                  co_await group.spawn(waits_and_counts(never, ended));
                co_await until([&] { return never.arrivals() == 5; });
                throw std::runtime_error("body");
              });
        } catch (const std::runtime_error&) {
          ended_outside = ended;
          throw;
        }
      };
      BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("body"));
      BOOST_TEST(ended_outside == 5);
    }
  }
}

// Found by weir-model,
// 01000e0000000008170001000367000011f800001e00030103010000.
BOOST_AUTO_TEST_CASE(what_the_cancelled_outer_group_refuses_is_no_error) {
  testing::deterministic_runtime here;
  int errors = 0;
  task_group outer(here.get_executor(), {.max_in_flight = 1});
  auto body = [&](task_group& inner) -> task<> {
    inner.set_error_hook([&](const task_failure&) { ++errors; });
    // The task lends its slot, and is woken when that child fails: before the
    // cancellation of the group reaches it.
    co_await outer.spawn(fails_with("boom"));
    co_await outer.spawn(returns());
  };
  auto child = [&]() -> task<> { co_await with_task_group({}, body); };
  auto main = [&]() -> task<> {
    co_await outer.spawn(child);
    co_await outer.join();
  };
  BOOST_CHECK_EXCEPTION(here.run(main()), std::runtime_error, says("boom"));
  BOOST_TEST(errors == 0);
}

BOOST_AUTO_TEST_CASE(a_body_that_throws_before_it_is_a_task_counts_too) {
  std::atomic<int> ended{0};
  gate never(pool.get_executor());
  auto body = [&](task_group& group) -> task<> {
    if (group.try_spawn(waits_and_counts(never, ended)) !=
        spawn_status::started)
      throw std::logic_error("not started");
    throw std::runtime_error("no coroutine");
  };
  auto main = [&]() -> task<> { co_await with_task_group({}, body); };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("no coroutine"));
  BOOST_TEST(ended <= 1); // 0 when it was cancelled before its first step
}

BOOST_AUTO_TEST_CASE(the_error_of_a_child_ends_the_body_and_is_thrown) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      bool body_ended = false;
      bool body_went_on = false;
      auto main = [&]() -> task<> {
        co_await with_task_group(
            {.cancellation = form}, [&](task_group& group) -> task<> {
              on_scope_exit mark([&] { body_ended = true; });
              co_await group.spawn(fails_with("child"));
              co_await never.wait();
              body_went_on = true;
            });
      };
      BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("child"));
      BOOST_TEST(body_ended);
      BOOST_TEST(!body_went_on);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_first_error_wins_whoever_had_it) {
  // The child fails first: the body answers with another error.
  gate never(pool.get_executor());
  auto child_first = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(fails_with("child"));
      try {
        co_await never.wait();
      } catch (const system_error&) {
        throw std::runtime_error("body");
      }
    });
  };
  BOOST_CHECK_EXCEPTION(run(child_first()), std::runtime_error, says("child"));

  auto answers = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("child");
    }
  };
  const std::size_t before = never.arrivals();
  auto body_first = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(answers);
      co_await until([&] { return never.arrivals() == before + 1; });
      throw std::runtime_error("body");
    });
  };
  BOOST_CHECK_EXCEPTION(run(body_first()), std::runtime_error, says("body"));
}

BOOST_AUTO_TEST_CASE(a_body_that_is_abandoned_is_told_from_a_cancelled_one) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    error_code seen;
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(waits_for(never));
      (void)co_await is_abandoned();
    };
    auto main = [&]() -> task<> {
      try {
        co_await with_task_group({.cancellation = form}, body);
      } catch (const system_error& e) {
        seen = e.code();
      }
    };
    task<> work = form == on_cancel::unwind ? unwinding(main()) : main();
    BOOST_CHECK_EXCEPTION(
        run(std::move(work)), system_error, has_code(errc::task_abandoned));
    BOOST_TEST(seen == errc::task_abandoned);
  }
}

BOOST_AUTO_TEST_CASE(one_that_was_abandoned_before_says_nothing_of_the_next) {
  bool went_on = false;
  auto drops = [](task_group&) -> task<> { (void)co_await is_abandoned(); };
  auto cancels = [&](task_group& group) -> task<> {
    group.cancel();
    co_await checkpoint();
  };
  auto main = [&]() -> task<> {
    try {
      co_await with_task_group({}, drops);
    } catch (const system_error&) {
    }
    co_await with_task_group({}, cancels);
    went_on = true;
  };
  BOOST_CHECK_EXCEPTION(
      run(unwinding(main())), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(went_on);
}

BOOST_AUTO_TEST_CASE(a_failing_body_cancels_the_children_under_keep_going_too) {
  std::atomic<int> aborted{0};
  gate never(pool.get_executor());
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      ++aborted;
      throw;
    }
  };
  auto main = [&]() -> task<> {
    co_await with_task_group(
        {.errors = on_error::keep_going}, [&](task_group& group) -> task<> {
          co_await group.spawn(child);
          co_await until([&] { return never.arrivals() == 1; });
          throw std::runtime_error("body");
        });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("body"));
  BOOST_TEST(aborted == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
