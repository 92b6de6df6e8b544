// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/version.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_runtime {

BOOST_FIXTURE_TEST_SUITE(runtime, pool_fixture)

using boost::system::system_error;
using weir::runtime;

static_assert(!std::is_copy_constructible_v<runtime>);
static_assert(!std::is_move_constructible_v<runtime>);

BOOST_AUTO_TEST_CASE(zero_threads_are_an_invalid_argument_that_says_so) {
  BOOST_CHECK_EXCEPTION(
      runtime(0), std::invalid_argument, [](const std::invalid_argument& e) {
        return says("weir::runtime")(e) && says("threads")(e) && says("0")(e) &&
               says("at least 1")(e);
      });
  runtime_options options;
  options.threads = 0;
  BOOST_CHECK_THROW(runtime{options}, std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(has_one_thread_per_core_by_default) {
  BOOST_TEST(runtime_options::default_threads() >= 1u);
  const runtime by_default;
  BOOST_TEST(by_default.stats().threads == runtime_options::default_threads());
  const runtime three(3);
  BOOST_TEST(three.stats().threads == 3u);
  runtime_options options;
  options.threads = 4;
  const runtime four(options);
  BOOST_TEST(four.stats().threads == 4u);
}

BOOST_AUTO_TEST_CASE(may_be_destroyed_at_once) {
  for (std::size_t threads = 1; threads != 9; ++threads)
    for (int i = 0; i != 20; ++i)
      runtime idle(threads);
}

BOOST_AUTO_TEST_CASE(run_returns_the_value_or_throws) {
  int object = 0;
  auto value = []() -> task<std::string> { co_return "v"; };
  auto refers = [&]() -> task<int&> { co_return object; };
  BOOST_TEST(pool.run(value()) == "v");
  BOOST_TEST(&pool.run(refers()) == &object);
  pool.run(returns());
  BOOST_CHECK_EXCEPTION(
      pool.run(fails_with("boom")), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(run_may_be_called_again_also_after_an_error) {
  auto value = [](int n) -> task<int> {
    co_await checkpoint();
    co_return n;
  };
  for (int i = 0; i != 200; ++i) {
    BOOST_TEST(pool.run(value(i)) == i);
    BOOST_CHECK_THROW(pool.run(fails_with("boom")), std::runtime_error);
  }
}

BOOST_AUTO_TEST_CASE(run_may_be_called_by_several_threads_at_once) {
  std::atomic<int> right{0};
  auto value = [](int n) -> task<int> {
    co_await checkpoint();
    co_return n;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i != 200; ++i)
        right += pool.run(value(1000 * t + i)) == 1000 * t + i;
    });
  for (std::thread& t : threads)
    t.join();
  BOOST_TEST(right == 800);
}

BOOST_AUTO_TEST_CASE(the_frame_is_gone_when_run_returns) {
  std::atomic<int> alive{0};
  auto child = [&](counted) -> task<> {
    counted local(alive);
    co_await checkpoint();
  };
  for (int i = 0; i != 200; ++i) {
    pool.run(child(counted(alive)));
    BOOST_REQUIRE(alive == 0);
  }
}

BOOST_AUTO_TEST_CASE(run_on_one_of_its_own_threads_would_deadlock) {
  std::atomic<int> calls{0};
  auto runs = [&]() -> task<> {
    pool.run(counts(calls));
    co_return;
  };
  BOOST_CHECK_EXCEPTION(
      pool.run(runs()), system_error, has_code(errc::would_deadlock));

  std::promise<boost::system::error_code> from_a_handler;
  asio::post(pool.get_executor(), [&] {
    try {
      pool.run(counts(calls));
      from_a_handler.set_value({});
    } catch (const system_error& e) {
      from_a_handler.set_value(e.code());
    }
  });
  BOOST_TEST(from_a_handler.get_future().get() == errc::would_deadlock);
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(run_on_a_thread_of_another_runtime_is_fine) {
  runtime other(1);
  std::atomic<int> calls{0};
  auto runs = [&]() -> task<> {
    other.run(counts(calls));
    co_return;
  };
  pool.run(runs());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(tasks_use_all_of_its_threads_and_no_other) {
  std::atomic<int> arrived{0};
  std::mutex mutex;
  std::set<std::thread::id> threads;
  auto meets = [&]() -> task<> {
    ++arrived;
    while (arrived < 2)
      std::this_thread::yield(); // holds its thread
    std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(meets);
    co_await group.spawn(meets);
    co_await group.join();
  };
  pool.run(main());
  BOOST_TEST(threads.size() == 2u);
  BOOST_TEST(threads.count(std::this_thread::get_id()) == 0u);
}

BOOST_AUTO_TEST_CASE(stats_count_what_is_there) {
  BOOST_TEST(pool.stats().root_tasks == 0u);
  BOOST_TEST(pool.stats().groups == 0u);
  BOOST_TEST(pool.stats().timers == 0u);
  {
    gate never(pool.get_executor());
    auto main = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        for (int i = 0; i != 3; ++i)
          co_await group.spawn(sleep_for(std::chrono::hours(1)));
        co_await never.wait();
        group.cancel();
      });
    };
    std::promise<void> done;
    weir::co_spawn(pool, main(), [&](std::exception_ptr) { done.set_value(); });
    block_until([&] {
      const runtime_stats now = pool.stats();
      return now.root_tasks == 1 && now.groups == 1 && now.timers == 3;
    });
    never.open();
    done.get_future().get();
  }
  block_until([&] {
    const runtime_stats now = pool.stats();
    return now.root_tasks == 0 && now.groups == 0 && now.timers == 0 &&
           now.busy == 0;
  });
}

BOOST_AUTO_TEST_CASE(runtimes_side_by_side_work_together) {
  runtime other(1);
  std::atomic<int> calls{0};
  auto main = [&]() -> task<> {
    task_group there(other, {.max_in_flight = 2});
    for (int i = 0; i != 100; ++i)
      co_await there.spawn(counts(calls));
    co_await there.join();
  };
  pool.run(main());
  BOOST_TEST(calls == 100);
}

BOOST_AUTO_TEST_CASE(many_short_lived_runtimes_lose_nothing) {
  std::atomic<int> calls{0};
  for (int i = 0; i != 100; ++i) {
    runtime brief(2);
    auto main = [&]() -> task<> {
      task_group group(brief, {.max_in_flight = 2});
      for (int n = 0; n != 10; ++n)
        co_await group.spawn(counts(calls));
      co_await group.join();
    };
    brief.run(main());
  }
  BOOST_TEST(calls == 1000);
}

BOOST_AUTO_TEST_CASE(the_library_is_of_the_version_of_its_headers) {
  BOOST_TEST(weir::version() == WEIR_VERSION);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_runtime
