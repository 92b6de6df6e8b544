// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/finally.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::of_finally {

BOOST_FIXTURE_TEST_SUITE(finally, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;
using weir::finally;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(cleans_up_after_a_value) {
  journal<char> order;
  int object = 0;
  auto work = [&]() -> task<int&> {
    co_await checkpoint();
    order.add('w');
    co_return object;
  };
  auto main = [&]() -> task<bool> {
    int& same = co_await finally(work(), [&]() -> task<> {
      co_await checkpoint();
      order.add('c');
    });
    order.add('m');
    co_return &same == &object;
  };
  BOOST_TEST(run(main()));
  BOOST_TEST((order.entries() == std::vector<char>{'w', 'c', 'm'}));
}

BOOST_AUTO_TEST_CASE(cleans_up_after_an_exception) {
  bool cleaned = false;
  auto main = [&]() -> task<> {
    co_await finally(fails_with("work"), [&]() -> task<> {
      co_await checkpoint();
      cleaned = true;
    });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("work"));
  BOOST_TEST(cleaned);
}

BOOST_AUTO_TEST_CASE(cleans_up_after_a_cancellation_and_may_wait) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      gate door(pool.get_executor());
      journal<char> order;
      std::atomic<bool> went_on{false};
      auto work = [&]() -> task<> {
        on_scope_exit mark([&] { order.add('w'); });
        co_await never.wait();
      };
      auto cleanup = [&]() -> task<> {
        co_await door.wait();
        co_await sleep_for(std::chrono::milliseconds(1));
        order.add('c');
      };
      auto child = [&]() -> task<> {
        on_scope_exit mark([&] { order.add('o'); });
        co_await finally(work(), cleanup);
        went_on = true;
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(child));
      block_until([&] { return never.arrivals() == 1; });
      group.cancel();
      block_until([&] { return door.arrivals() == 1; });
      door.open();
      wait(group.join());
      BOOST_TEST((order.entries() == std::vector<char>{'w', 'c', 'o'}));
      BOOST_TEST(!went_on);
      BOOST_TEST(group.stats().cancelled == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(cleans_up_in_a_task_that_is_cancelled_already) {
  gate never(pool.get_executor());
  bool worked = false;
  bool cleaned = false;
  auto work = [&]() -> task<> {
    co_await checkpoint();
    worked = true;
  };
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
    }
    co_await finally(work(), [&]() -> task<> {
      co_await checkpoint();
      cleaned = true;
    });
  };
  task_group group(pool);
  wait(group.spawn(child));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  BOOST_TEST(!worked);
  BOOST_TEST(cleaned);
}

BOOST_AUTO_TEST_CASE(an_error_of_the_cleanup_is_thrown_after_a_value) {
  auto main = [&]() -> task<> {
    co_await finally(returns(), [] { return fails_with("cleanup"); });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("cleanup"));
}

BOOST_AUTO_TEST_CASE(an_error_of_the_work_counts_more) {
  auto main = [&]() -> task<> {
    co_await finally(fails_with("work"), [] { return fails_with("cleanup"); });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("work"));
}

BOOST_AUTO_TEST_CASE(a_cleanup_may_throw_before_it_is_a_task) {
  auto main = [&]() -> task<> {
    co_await finally(returns(),
                     []() -> task<> { throw std::runtime_error("at once"); });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("at once"));
}

BOOST_AUTO_TEST_CASE(a_cleanup_may_be_an_awaitable) {
  bool cleaned = false;
  auto main = [&]() -> task<> {
    co_await finally(returns(), [&]() -> asio::awaitable<void> {
      cleaned = true;
      co_return;
    });
  };
  run(main());
  BOOST_TEST(cleaned);
}

BOOST_AUTO_TEST_CASE(finallys_nest_and_run_from_the_inside_out) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      journal<int> order;
      auto notes = [&](int n) {
        return [&order, n]() -> task<> {
          co_await checkpoint();
          order.add(n);
        };
      };
      auto first = notes(1);
      auto second = notes(2);
      auto third = notes(3);
      auto child = [&]() -> task<> {
        co_await finally(finally(finally(waits_for(never), first), second),
                         third);
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(child));
      block_until([&] { return never.arrivals() == 1; });
      group.cancel();
      wait(group.join());
      BOOST_TEST((order.entries() == std::vector<int>{1, 2, 3}));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_task_that_is_never_awaited_cleans_nothing_up) {
  std::atomic<int> alive{0};
  bool cleaned = false;
  auto work = [](counted) -> task<> { co_return; };
  {
    auto cleanup = [&cleaned, kept = counted(alive)]() -> task<> {
      cleaned = kept ? true : cleaned;
      co_return;
    };
    task<> dropped = finally(work(counted(alive)), cleanup);
    BOOST_TEST(static_cast<bool>(dropped));
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!cleaned);
}

BOOST_AUTO_TEST_CASE(a_group_may_clean_up_with_a_group) {
  gate never(pool.get_executor());
  std::atomic<int> cleaned{0};
  auto cleanup = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (int i = 0; i != 5; ++i)
        co_await group.spawn(counts(cleaned));
    });
  };
  auto child = [&]() -> task<> { co_await finally(waits_for(never), cleanup); };
  task_group group(pool, {.cancellation = on_cancel::unwind});
  wait(group.spawn(child));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  BOOST_TEST(cleaned == 5);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_finally
