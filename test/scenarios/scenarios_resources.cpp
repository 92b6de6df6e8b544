// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Little memory, few threads, many tasks. Cases that need limits run in a child
// process.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/death.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(scenarios_resources)

// Limits the process to this much more address space; removes the limit at the
// end.
class little_memory {
public:
  explicit little_memory(std::size_t bytes) {
    std::ifstream statm("/proc/self/statm");
    ::rlim_t pages = 0;
    statm >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    const auto page = static_cast<::rlim_t>(::sysconf(_SC_PAGESIZE));
    const ::rlimit now{pages * page + bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &now);
  }
  little_memory(const little_memory&) = delete;
  little_memory& operator=(const little_memory&) = delete;
  ~little_memory() { ::setrlimit(RLIMIT_AS, &before_); }

private:
  ::rlimit before_{};
};

// Sanitizers need terabytes of address space themselves.
BOOST_AUTO_TEST_CASE(
    a_runtime_whose_threads_do_not_start_is_an_error_not_a_hang) {
  if (sanitized)
    return;
  struct {
    std::size_t threads;
    std::size_t mebibytes; // enough for some but not all stacks
  } const cases[] = {{1, 1}, {2, 12}, {3, 20}, {64, 100}};
  for (const auto& [threads, mebibytes] : cases) {
    BOOST_TEST_CONTEXT("threads " << threads) {
      const auto end = run_in_child([count = threads, size = mebibytes] {
        // They use the stacks that earlier threads have left.
        std::atomic<bool> over{false};
        std::vector<std::thread> others;
        for (int i = 0; i != 16; ++i)
          others.emplace_back([&] { over.wait(false); });
        bool failed = false;
        {
          little_memory limit(size << 20);
          try {
            weir::runtime pool(count);
          } catch (const std::exception&) {
            failed = true;
          }
        }
        weir::runtime pool(count); // There is memory now.
        pool.run(returns());
        over = true;
        over.notify_all();
        for (std::thread& other : others)
          other.join();
        if (!failed)
          std::_Exit(3);
      });
      BOOST_TEST(end.signal == 0);
      BOOST_TEST(end.status == 0);
      BOOST_TEST(end.printed == "");
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_million_children_that_never_wait_starve_nobody,
                        pool_of<1>) {
  constexpr int n = sanitized ? 100'000 : 1'000'000;
  std::atomic<bool> over{false};
  std::atomic<int> calls{0};
  std::atomic<int> turns{0};    // of another task
  std::atomic<int> handlers{0}; // of Asio's
  std::atomic<bool> stopped{false};
  struct reposts {
    weir::runtime& pool;
    std::atomic<bool>& over;
    std::atomic<int>& handlers;
    std::atomic<bool>& stopped;
    void operator()() const {
      ++handlers;
      if (over)
        stopped = true;
      else
        asio::post(pool.get_executor(), *this);
    }
  };
  auto takes_turns = [&]() -> task<> {
    while (!over) {
      ++turns;
      co_await checkpoint();
    }
  };
  int turns_inside = 0;
  int handlers_inside = 0;
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 100});
    task_group others(pool);
    co_await others.spawn(takes_turns);
    asio::post(pool.get_executor(), reposts{pool, over, handlers, stopped});
    for (int i = 0; i != n; ++i)
      co_await group.spawn(counts(calls));
    co_await group.join();
    turns_inside = turns;
    handlers_inside = handlers;
    over = true;
    co_await others.join();
  };
  run(main());
  // The last handler may come after it, and refers to this frame.
  block_until([&] { return stopped.load(); });
  BOOST_TEST(calls == n);
  BOOST_TEST(turns_inside > 100);
  BOOST_TEST(handlers_inside > 100);
}

// One stack frame for each would not fit.
BOOST_FIXTURE_TEST_CASE(a_million_that_wait_are_refused_and_destroyed_in_a_loop,
                        pool_of<1>) {
  constexpr int n = sanitized ? 100'000 : 1'000'000;
  for (bool cancels : {true, false}) {
    BOOST_TEST_CONTEXT("cancels " << cancels) {
      std::atomic<int> refused{0};
      weir::runtime own(1);
      gate never(own.get_executor());
      task_group group(own, {.max_in_flight = 1});
      group.spawn(waits_for(never))(asio::use_future).get();
      for (int i = 0; i != n; ++i)
        group.spawn(returns())(
            [&](boost::system::error_code ec) { refused += ec.failed(); });
      BOOST_TEST(group.stats().waiting == static_cast<unsigned>(n));
      if (!cancels) {
        own.stop();
        BOOST_TEST(group.stats().waiting == 0u);
        continue;
      }
      group.cancel();
      group.join()(asio::use_future).get();
      block_until([&] { return refused == n; });
      BOOST_TEST(group.stats().rejected == static_cast<unsigned>(n));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
