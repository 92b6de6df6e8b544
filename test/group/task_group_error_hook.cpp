// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// set_error_hook().

#include <weir/error.hpp>
#include <weir/group_error.hpp>
#include <weir/named.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/until_gone.hpp"
#include "support/work.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(task_group_error_hook)

using boost::system::system_error;

// What a hook saw, as text.
struct seen final {
  journal<std::string> entries;
  std::function<void(const task_failure&)> hook() {
    return [this](const task_failure& f) {
      const std::string index = f.index == group_error::body
                                    ? std::string("-")
                                    : std::to_string(f.index);
      entries.add(index + " " + std::string(f.name) + ": " + text_of(f.error));
    };
  }
  bool saw(std::vector<std::string> expected) const {
    return entries.entries() == expected;
  }
};

BOOST_FIXTURE_TEST_CASE(the_hook_sees_each_error_with_index_and_name,
                        pool_fixture) {
  seen failures;
  task_group group(pool, {.errors = on_error::keep_going});
  group.set_error_hook(failures.hook());
  wait(group.spawn(returns()));
  wait(group.spawn(named("fetch", fails_with("first"))));
  block_until([&] { return group.stats().failed == 1; });
  wait(group.spawn(fails_with("second")));
  block_until([&] { return group.stats().failed == 2; });
  // Before any join().
  BOOST_TEST(failures.saw({"1 fetch: first", "2 : second"}));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("first"));
}

BOOST_FIXTURE_TEST_CASE(it_is_called_before_the_siblings_are_cancelled,
                        pool_fixture) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  std::atomic<bool> cancelled{true};
  std::atomic<int> ended_then{-1};
  task_group group(pool);
  group.set_error_hook([&](const task_failure&) {
    cancelled = group.is_cancelled();
    ended_then = ended.load();
  });
  for (int i = 0; i != 3; ++i)
    wait(group.spawn(waits_and_counts(never, ended)));
  block_until([&] { return never.arrivals() == 3; });
  wait(group.spawn(fails_with("boom")));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("boom"));
  BOOST_TEST(!cancelled);
  BOOST_TEST(ended_then == 0);
  BOOST_TEST(ended == 3);
}

BOOST_FIXTURE_TEST_CASE(the_first_error_counts_whatever_the_hook_does,
                        pool_fixture) {
  gate never(pool.get_executor());
  task_group group(pool);
  // Its siblings' aborts come before the hook has returned.
  group.set_error_hook([&](const task_failure&) {
    group.cancel(asio::error::connection_reset);
    group.close();
    block_until([&] { return group.stats().cancelled == 2; });
  });
  for (int i = 0; i != 2; ++i)
    wait(group.spawn(waits_for(never)));
  block_until([&] { return never.arrivals() == 2; });
  wait(group.spawn(fails_with("boom")));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("boom"));
  BOOST_TEST(group.cancel_reason() == asio::error::connection_reset);
  BOOST_TEST(group.stats().failed == 1u);
}

BOOST_FIXTURE_TEST_CASE(it_may_spawn_into_the_group, pool_fixture) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      task_group group(pool,
                       {.max_in_flight = cap, .errors = on_error::keep_going});
      group.set_error_hook([&](const task_failure&) {
        group.spawn(counts(calls))(asio::detached);
      });
      for (int i = 0; i != 20; ++i)
        wait(group.spawn(fails_with("each")));
      BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
      BOOST_TEST(calls == 20);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(the_aborts_of_cancelled_children_are_no_errors,
                        pool_fixture) {
  gate never(pool.get_executor());
  seen failures;
  task_group group(pool);
  group.set_error_hook(failures.hook());
  for (int i = 0; i != 5; ++i)
    wait(group.spawn(waits_for(never)));
  block_until([&] { return never.arrivals() == 5; });
  wait(group.spawn(fails_with("root")));
  BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
  BOOST_TEST(failures.saw({"5 : root"}));
}

BOOST_FIXTURE_TEST_CASE(it_sees_the_error_of_the_body, pool_fixture) {
  seen failures;
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      group.set_error_hook(failures.hook());
      throw std::runtime_error("boom");
      co_return;
    });
  };
  BOOST_CHECK_THROW(run(main()), std::runtime_error);
  BOOST_TEST(failures.saw({"- body: boom"}));
}

BOOST_FIXTURE_TEST_CASE(it_sees_an_abandoned_child, pool_fixture) {
  auto dropped = [] {
    return asio::async_initiate<const asio::deferred_t, void()>(
        [](auto handler) { (void)handler; }, asio::deferred);
  };
  std::atomic<int> abandoned{0};
  task_group group(pool);
  group.set_error_hook([&](const task_failure& f) {
    abandoned += code_of(f.error) == errc::task_abandoned;
  });
  wait(group.spawn(dropped()));
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(abandoned == 1);
}

BOOST_FIXTURE_TEST_CASE(with_collect_it_also_sees_what_is_not_kept,
                        pool_fixture) {
  seen failures;
  task_group group(pool, {.max_in_flight = 1, .errors = collect(1)});
  group.set_error_hook(failures.hook());
  for (const char* text : {"a", "b", "c"})
    wait(group.spawn(fails_with(text)));
  BOOST_CHECK_THROW(wait(group.join()), group_error);
  BOOST_TEST(failures.saw({"0 : a", "1 : b", "2 : c"}));
}

BOOST_FIXTURE_TEST_CASE(a_hook_can_be_replaced_while_children_fail,
                        pool_fixture) {
  std::atomic<int> alive{0};
  std::atomic<int> calls{0};
  {
    task_group group(pool,
                     {.max_in_flight = 2, .errors = on_error::keep_going});
    std::atomic<bool> done{false};
    std::atomic<bool> is_set{false};
    std::thread replaces([&] {
      while (!done) {
        group.set_error_hook(
            [&calls, mark = counted(alive)](const task_failure&) { ++calls; });
        is_set = true;
        std::this_thread::yield();
      }
    });
    block_until([&] { return is_set.load(); });
    for (int i = 0; i != 2000; ++i)
      wait(group.spawn(fails_with("each")));
    block_until([&] { return group.stats().failed == 2000; });
    done = true;
    replaces.join();
    BOOST_TEST(calls == 2000);
    BOOST_TEST(alive == 1);
    group.set_error_hook({});
    BOOST_TEST(alive == 0);
    wait(group.spawn(fails_with("unseen")));
    BOOST_CHECK_THROW(wait(group.join()), std::runtime_error);
    BOOST_TEST(calls == 2000);
    group.set_error_hook([mark = counted(alive)](const task_failure&) {});
  }
  BOOST_TEST(alive == 0); // with the group
}

BOOST_AUTO_TEST_CASE(it_is_not_called_on_a_stopped_runtime) {
  watchdog dog;
  std::atomic<int> calls{0};
  until_gone<weir::runtime> pool(std::in_place, 2);
  gate never(pool->get_executor());
  {
    task_group group(*pool);
    group.set_error_hook([&](const task_failure&) { ++calls; });
    group.spawn(waits_for(never))(asio::use_future).get();
    block_until([&] { return never.arrivals() == 1; });
    pool->stop();
    BOOST_TEST(group.stats().failed == 1u);
  }
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
