// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace weir::test::of_with_task_group {

BOOST_FIXTURE_TEST_SUITE(with_task_group, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;
using weir::with_task_group;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(every_child_has_ended_when_it_completes) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> ended{0};
      int ended_inside = -1;
      auto child = [&](gate& door) -> task<> {
        co_await door.wait();
        ++ended;
      };
      auto main = [&]() -> task<int> {
        gate door(pool.get_executor());
        co_await with_task_group(
            {.max_in_flight = cap}, [&](task_group& group) -> task<> {
              for (std::size_t i = 0; i != cap; ++i)
                co_await group.spawn(child, std::ref(door));
              ended_inside = ended;
              door.open();
            });
        co_return ended;
      };
      BOOST_TEST(run(main()) == static_cast<int>(cap));
      BOOST_TEST(ended_inside == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(returns_what_the_body_returns) {
  int object = 0;
  auto main = [&]() -> task<std::string> {
    const int n = co_await with_task_group(
        {}, [](task_group&) -> task<int> { co_return 1; });
    std::unique_ptr<int> p = co_await with_task_group(
        {}, [](task_group&) -> task<std::unique_ptr<int>> {
          co_return std::make_unique<int>(2);
        });
    int& r = co_await with_task_group(
        {}, [&](task_group&) -> task<int&> { co_return object; });
    r = 3;
    co_return std::to_string(n) + std::to_string(*p) + std::to_string(object);
  };
  BOOST_TEST(run(main()) == "123");
}

BOOST_AUTO_TEST_CASE(the_body_runs_in_the_calling_task) {
  bool same = false;
  auto main = [&]() -> task<> {
    const executor outside = co_await asio::this_coro::executor;
    co_await with_task_group({}, [&](task_group&) -> task<> {
      const executor inside = co_await asio::this_coro::executor;
      same = inside == outside;
    });
  };
  run(main());
  BOOST_TEST(same);
}

BOOST_AUTO_TEST_CASE(the_body_is_kept_while_it_runs_and_destroyed_after) {
  std::atomic<int> alive{0};
  int inside = 0;
  auto main = [&]() -> task<> {
    auto body = [&, kept = counted(alive)](task_group&) -> task<> {
      co_await checkpoint();
      inside = kept ? alive.load() : 0;
    };
    co_await with_task_group({}, std::ref(body));
    co_await with_task_group({}, body);
  };
  run(main());
  BOOST_TEST(inside >= 2); // the lvalue was copied
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(its_own_cancel_ends_the_body_and_is_no_error) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      bool went_on = false;
      bool after = false;
      auto main = [&]() -> task<> {
        co_await with_task_group({.cancellation = form},
                                 [&](task_group& group) -> task<> {
                                   co_await group.spawn(waits_for(never));
                                   group.cancel();
                                   co_await never.wait();
                                   went_on = true;
                                 });
        co_await checkpoint(); // the task itself is not cancelled
        after = true;
      };
      run(main());
      BOOST_TEST(!went_on);
      BOOST_TEST(after);
    }
  }
}

BOOST_AUTO_TEST_CASE(its_own_cancel_of_a_body_with_a_value_is_an_abort) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      auto main = [&]() -> task<int> {
        co_return co_await with_task_group({.cancellation = form},
                                           [&](task_group& group) -> task<int> {
                                             group.cancel();
                                             co_await never.wait();
                                             co_return 1;
                                           });
      };
      BOOST_CHECK_EXCEPTION(
          run(main()), system_error, has_code(asio::error::operation_aborted));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_value_that_is_there_survives_the_groups_own_cancel) {
  gate never(pool.get_executor());
  auto main = [&]() -> task<int> {
    co_return co_await with_task_group({}, [&](task_group& group) -> task<int> {
      co_await group.spawn(waits_for(never));
      group.cancel();
      co_return 5;
    });
  };
  BOOST_TEST(run(main()) == 5);
}

BOOST_AUTO_TEST_CASE(cancelled_from_outside_it_joins_first_and_then_aborts) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      std::atomic<int> ended_at_exit{-1};
      auto inner = [&]() -> task<> {
        on_scope_exit mark([&] { ended_at_exit = ended.load(); });
        co_await with_task_group(
            {.cancellation = form}, [&](task_group& group) -> task<> {
              for (int i = 0; i != 5; ++i)
                co_await group.spawn(waits_and_counts(never, ended));
            });
      };
      task_group outer(pool, {.cancellation = form});
      wait(outer.spawn(inner));
      block_until([&] { return never.arrivals() == 5; });
      outer.cancel();
      wait(outer.join());
      BOOST_TEST(ended_at_exit == 5);
      BOOST_TEST(outer.stats().cancelled == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_body_may_join_by_itself) {
  error_code code;
  std::atomic<int> calls{0};
  int calls_at_join = -1;
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(counts(calls));
      co_await group.join();
      calls_at_join = calls;
      try {
        co_await group.spawn(counts(calls));
      } catch (const system_error& e) {
        code = e.code();
      }
    });
  };
  run(main());
  BOOST_TEST(calls_at_join == 1);
  BOOST_TEST(code == errc::group_closed);
}

BOOST_AUTO_TEST_CASE(groups_can_be_nested_and_hand_values_up) {
  auto main = [&]() -> task<int> {
    std::atomic<int> sum{0};
    co_await with_task_group(
        {.max_in_flight = 2}, [&](task_group& outer) -> task<> {
          for (int i = 0; i != 10; ++i)
            co_await outer.spawn([&]() -> task<> {
              co_await with_task_group({.max_in_flight = 1},
                                       [&](task_group& inner) -> task<> {
                                         for (int j = 0; j != 10; ++j)
                                           co_await inner.spawn(counts(sum));
                                       });
            });
        });
    co_return sum;
  };
  BOOST_TEST(run(main()) == 100);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_with_task_group
