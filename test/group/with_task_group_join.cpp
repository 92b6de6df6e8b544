// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Bodies that join their group themselves, or shut it down.

#include <weir/error.hpp>
#include <weir/error_policy.hpp>
#include <weir/group_error.hpp>
#include <weir/task.hpp>
#include <weir/with_result_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_work_queue.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(with_task_group_join, pool_fixture)

using boost::system::system_error;
using weir::with_task_group;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};
const error_policy policies[] = {
    on_error::cancel_siblings, on_error::keep_going, collect(3)};

// Counts the failures that a group reports.
struct failures {
  std::atomic<int> told{0};
  std::atomic<std::uint64_t> last{0};

  void watch(task_group& group) {
    group.set_error_hook([this](const task_failure& f) {
      last = f.index;
      ++told;
    });
  }
};

BOOST_AUTO_TEST_CASE(what_join_throws_in_the_body_is_counted_once) {
  for (const error_policy& policy : policies) {
    for (bool shuts_down : {false, true}) {
      failures seen;
      std::uint64_t failed = 1;
      auto body = [&](task_group& group) -> task<> {
        seen.watch(group);
        co_await group.spawn(fails_with("boom"));
        if (shuts_down)
          co_await group.shutdown({.drain = std::chrono::hours(1)});
        else
          co_await group.join();
      };
      try {
        run(with_task_group({.errors = policy}, body));
        BOOST_ERROR("nothing was thrown");
      } catch (const group_error& e) {
        failed = e.failed();
        BOOST_TEST(e.errors().size() == 1u);
      } catch (const std::runtime_error& e) {
        BOOST_TEST(says("boom")(e));
      }
      BOOST_TEST(failed == 1u);
      BOOST_TEST(seen.told == 1);
      BOOST_TEST(seen.last == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(nor_is_a_deadline_that_it_reports_a_failure) {
  for (on_cancel form : forms) {
    for (const error_policy& policy : policies) {
      gate never(pool.get_executor());
      failures seen;
      task_group_stats after{};
      auto body = [&](task_group& group) -> task<> {
        seen.watch(group);
        co_await group.spawn(waits_for(never));
        try {
          co_await group.shutdown({});
        } catch (...) {
          after = group.stats();
          throw;
        }
      };
      BOOST_CHECK_EXCEPTION(
          run(with_task_group({.errors = policy, .cancellation = form}, body)),
          system_error,
          has_code(asio::error::timed_out));
      BOOST_TEST(seen.told == 0);
      BOOST_TEST(after.cancelled == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_the_body_throws_after_it_is_its_own) {
  failures seen;
  auto body = [&](task_group& group) -> task<> {
    seen.watch(group);
    co_await group.spawn(fails_with("boom"));
    try {
      co_await group.join();
    } catch (const group_error&) {
      throw std::runtime_error("afterwards");
    }
  };
  BOOST_CHECK_EXCEPTION(run(with_task_group({.errors = collect(3)}, body)),
                        group_error,
                        [](const group_error& e) {
                          return e.failed() == 2 &&
                                 says("#0: boom; body: afterwards")(e);
                        });
  BOOST_TEST(seen.told == 2);
  BOOST_TEST(seen.last == group_error::body);
}

BOOST_AUTO_TEST_CASE(what_was_thrown_before_a_reopen_is_the_bodys_own) {
  failures seen;
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(fails_with("before"));
    try {
      co_await group.join();
    } catch (const std::runtime_error&) {
      group.reopen();
      seen.watch(group);
      throw;
    }
  };
  BOOST_CHECK_EXCEPTION(
      run(with_task_group({}, body)), std::runtime_error, says("before"));
  BOOST_TEST(seen.told == 1);
}

BOOST_AUTO_TEST_CASE(the_same_holds_for_an_awaitable_body) {
  for (const error_policy& policy : policies) {
    failures seen;
    auto body = [&](task_group& group) -> asio::awaitable<void> {
      seen.watch(group);
      co_await group.spawn(fails_with("boom"));
      co_await group.join();
    };
    auto main = [&]() -> asio::awaitable<void> {
      co_await with_task_group(pool.get_executor(), {.errors = policy}, body);
    };
    BOOST_CHECK_THROW(run_foreign(main()), std::exception);
    BOOST_TEST(seen.told == 1);
  }
}

BOOST_AUTO_TEST_CASE(and_for_groups_with_results) {
  auto fails = []() -> task<int> {
    throw std::runtime_error("boom");
    co_return 0;
  };
  failures seen;
  std::uint64_t failed = 0;
  auto body = [&](result_group<int>& group) -> task<> {
    seen.watch(detail::result_group_access::group(group));
    co_await group.spawn(fails());
    (void)co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(
      run(with_result_group<int>({}, body)), std::runtime_error, says("boom"));
  BOOST_TEST(seen.told == 1);

  // There join() reports no child's error. The body that throws one of them
  // has failed all the same, but there is one failure.
  auto takes_values = [&](result_group<int>& group) -> task<> {
    seen.watch(detail::result_group_access::group(group));
    co_await group.spawn(fails());
    auto results = co_await group.join();
    failed = group.stats().failed;
    (void)results.front().value();
  };
  BOOST_CHECK_EXCEPTION(run(with_result_group<int>(
                            {.errors = on_error::keep_going}, takes_values)),
                        std::runtime_error,
                        says("boom"));
  BOOST_TEST(failed == 1u);
  BOOST_TEST(seen.told == 2);
}

BOOST_AUTO_TEST_CASE(and_for_work_queues) {
  std::atomic<int> calls{0};
  std::uint64_t failed = 0;
  auto handles = [&](int) {
    ++calls;
    throw std::runtime_error("boom");
  };
  auto body = [&](work_queue<int>& queue) -> task<> {
    co_await queue.push(1);
    co_await queue.join();
  };
  try {
    run(with_work_queue<int>(
        {.consumers = 1, .capacity = 1, .errors = collect(3)}, handles, body));
  } catch (const group_error& e) {
    failed = e.failed();
  }
  BOOST_TEST(calls == 1);
  BOOST_TEST(failed == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
