// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// with_task_group() for coroutines of Asio's.

#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/with_task_group.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(with_task_group_awaitable, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(joins_the_children_and_returns_the_value) {
  std::atomic<int> calls{0};
  bool same_thread = true;
  auto main = [&]() -> asio::awaitable<int> {
    const auto here = std::this_thread::get_id();
    const int n = co_await with_task_group(
        pool.get_executor(),
        {.max_in_flight = 2},
        [&](task_group& group) -> asio::awaitable<int> {
          for (int i = 0; i != 100; ++i) {
            co_await group.spawn(counts(calls));
            same_thread = same_thread && std::this_thread::get_id() == here;
          }
          co_return 7;
        });
    co_return calls == 100 ? n : -1;
  };
  BOOST_TEST(run_foreign(main()) == 7);
  BOOST_TEST(same_thread);
}

BOOST_AUTO_TEST_CASE(a_failing_body_cancels_and_joins_its_children) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  int ended_outside = -1;
  auto main = [&]() -> asio::awaitable<void> {
    try {
      co_await with_task_group(
          pool.get_executor(),
          {},
          [&](task_group& group) -> asio::awaitable<void> {
            for (int i = 0; i != 5; ++i)
              co_await group.spawn(waits_and_counts(never, ended));
            while (never.arrivals() != 5) {
              asio::steady_timer timer(co_await asio::this_coro::executor,
                                       std::chrono::milliseconds(1));
              co_await timer.async_wait(asio::use_awaitable);
            }
            throw std::runtime_error("body");
          });
    } catch (const std::runtime_error&) {
      ended_outside = ended;
      throw;
    }
  };
  BOOST_CHECK_EXCEPTION(run_foreign(main()), std::runtime_error, says("body"));
  BOOST_TEST(ended_outside == 5);
}

BOOST_AUTO_TEST_CASE(the_error_of_a_child_is_thrown) {
  auto main = [&]() -> asio::awaitable<void> {
    co_await with_task_group(pool.get_executor(),
                             {},
                             [&](task_group& group) -> asio::awaitable<void> {
                               co_await group.spawn(fails_with("child"));
                             });
  };
  BOOST_CHECK_EXCEPTION(run_foreign(main()), std::runtime_error, says("child"));
}

BOOST_AUTO_TEST_CASE(after_a_childs_error_the_bodys_next_spawn_throws) {
  error_code code;
  auto main = [&]() -> asio::awaitable<void> {
    co_await with_task_group(pool.get_executor(),
                             {},
                             [&](task_group& group) -> asio::awaitable<void> {
                               co_await group.spawn(fails_with("child"));
                               while (!group.is_cancelled())
                                 std::this_thread::yield();
                               try {
                                 co_await group.spawn(returns());
                               } catch (const system_error& e) {
                                 code = e.code();
                                 throw;
                               }
                             });
  };
  BOOST_CHECK_EXCEPTION(run_foreign(main()), std::runtime_error, says("child"));
  BOOST_TEST(code == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(its_own_cancel_is_no_error) {
  gate never(pool.get_executor());
  auto main = [&]() -> asio::awaitable<int> {
    co_return co_await with_task_group(
        pool.get_executor(),
        {},
        [&](task_group& group) -> asio::awaitable<int> {
          co_await group.spawn(waits_for(never));
          group.cancel();
          co_return 3;
        });
  };
  BOOST_TEST(run_foreign(main()) == 3);
}

BOOST_AUTO_TEST_CASE(cancelled_from_outside_it_joins_its_children) {
  using namespace asio::experimental::awaitable_operators;
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  error_code code;
  int ended_at_exit = -1;
  auto waits = [&]() -> asio::awaitable<void> {
    try {
      co_await with_task_group(pool.get_executor(),
                               {},
                               [&](task_group& group) -> asio::awaitable<void> {
                                 for (int i = 0; i != 3; ++i)
                                   co_await group.spawn(
                                       waits_and_counts(never, ended));
                               });
    } catch (const system_error& e) {
      code = e.code();
      ended_at_exit = ended;
      throw;
    }
  };
  auto gives_up = [&]() -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (never.arrivals() != 3) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
  auto main = [&]() -> asio::awaitable<void> {
    co_await (waits() || gives_up());
  };
  run_foreign(main());
  BOOST_TEST(code == asio::error::operation_aborted);
  BOOST_TEST(ended_at_exit == 3);
}

BOOST_AUTO_TEST_CASE(a_body_that_waits_is_cancelled_from_outside) {
  using namespace asio::experimental::awaitable_operators;
  for (bool swallows : {false, true}) {
    BOOST_TEST_CONTEXT("the body swallows it: " << swallows) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      error_code in_body;
      error_code code;
      auto body = [&](task_group& group) -> asio::awaitable<int> {
        co_await group.spawn(waits_and_counts(never, ended));
        try {
          co_await never.wait(asio::use_awaitable);
        } catch (const system_error& e) {
          in_body = e.code();
          if (!swallows)
            throw;
        }
        co_return 1;
      };
      auto waits = [&]() -> asio::awaitable<void> {
        try {
          (void)co_await with_task_group(pool.get_executor(), {}, body);
        } catch (const system_error& e) {
          code = e.code();
          throw;
        }
      };
      auto gives_up = [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        while (never.arrivals() != 2) {
          timer.expires_after(std::chrono::milliseconds(1));
          co_await timer.async_wait(asio::use_awaitable);
        }
      };
      auto main = [&]() -> asio::awaitable<void> {
        co_await (waits() || gives_up());
      };
      run_foreign(main());
      BOOST_TEST(in_body == asio::error::operation_aborted);
      BOOST_TEST(code == asio::error::operation_aborted);
      BOOST_TEST(ended == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(runs_on_the_pool_too) {
  std::atomic<int> calls{0};
  auto child = [&]() -> asio::awaitable<void> {
    ++calls;
    co_return;
  };
  auto main = [&]() -> asio::awaitable<void> {
    co_await with_task_group(pool.get_executor(),
                             {.max_in_flight = 1},
                             [&](task_group& group) -> asio::awaitable<void> {
                               for (int i = 0; i != 20; ++i)
                                 co_await group.spawn(child);
                             });
  };
  asio::co_spawn(pool.get_executor(), main(), asio::use_future).get();
  BOOST_TEST(calls == 20);
}

BOOST_AUTO_TEST_CASE(a_body_that_its_own_cancel_ends_gives_no_value) {
  gate never(pool.get_executor());
  auto main = [&]() -> asio::awaitable<int> {
    co_return co_await with_task_group(
        pool.get_executor(),
        {},
        [&](task_group& group) -> asio::awaitable<int> {
          group.cancel();
          co_await group.spawn(waits_for(never)); // throws
          co_return 3;
        });
  };
  BOOST_CHECK_EXCEPTION(run_foreign(main()),
                        system_error,
                        has_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
