// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Objects destroyed while they have waiters end the process, with a message.
// Each case does so in a child process.

#include <weir/co_spawn.hpp>
#include <weir/completion_group.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/work_queue.hpp>

#include "support/death.hpp"
#include "support/until.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(process_end_objects)

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_CASE(a_completion_group_destroyed_while_next_waits_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    std::optional<completion_group<int>> group(std::in_place, pool);
    auto waiting = group->next()(asio::use_future);
    group.reset();
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed) {
    BOOST_TEST(contains(end.printed, "completion_group"));
    BOOST_TEST(contains(end.printed, "next()"));
  }
}

// The consumer has not begun, as the one thread of its runtime is busy.
BOOST_AUTO_TEST_CASE(a_work_queue_destroyed_while_somebody_drains_terminates) {
  const auto end = run_in_child([] {
    std::atomic<bool> stays{false};
    weir::runtime pool(1);
    auto main = [&]() -> task<> {
      stays = true;
      for (;;)
        std::this_thread::yield();
      co_return;
    };
    weir::co_spawn(pool, main(), asio::detached);
    block_until([&] { return stays.load(); });
    std::optional<weir::work_queue<int>> queue(
        std::in_place,
        pool,
        work_queue_options{.consumers = 1, .capacity = 1},
        [](int) {});
    (void)queue->try_push(1);
    queue->drain()(asio::detached);
    queue.reset();
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed)
  BOOST_TEST(contains(end.printed, "a task_group was destroyed before join()"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
