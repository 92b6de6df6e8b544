// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/task.hpp>

#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/journal.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test::of_ordered_stream {

BOOST_FIXTURE_TEST_SUITE(ordered_stream, pool_fixture)

using boost::system::system_error;
using weir::ordered_stream;

using pointer = std::unique_ptr<int>;

task<int> gives(int n) { co_return n; }
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}

// 0, 1, ... up to n - 1.
bool counts_to(int n, const std::vector<int>& all) {
  if (all.size() != static_cast<std::size_t>(n))
    return false;
  for (int i = 0; i != n; ++i)
    if (all[static_cast<std::size_t>(i)] != i)
      return false;
  return true;
}

BOOST_AUTO_TEST_CASE(callbacks_are_serial_and_in_the_order_of_submission) {
  for (std::size_t cap :
       {std::size_t{1}, std::size_t{2}, std::size_t{5}, unlimited})
    for (std::size_t reorder : {std::size_t{1}, std::size_t{3}, unlimited})
      for (bool is_async : {false, true}) {
        BOOST_TEST_CONTEXT("cap " << cap << ", reorder " << reorder) {
          constexpr int tasks = 400;
          std::vector<int> seen;
          high_water inside;
          auto work = [](int n) -> task<pointer> {
            for (int i = 0; i != n % 5; ++i)
              co_await checkpoint();
            co_return std::make_unique<int>(n);
          };
          auto later = [&](pointer p) -> task<> {
            inside.enter();
            on_scope_exit leave([&] { inside.leave(); });
            if (*p % 2 == 0)
              co_await checkpoint();
            seen.push_back(*p);
          };
          auto now = [&](pointer p) {
            inside.enter();
            seen.push_back(*p);
            inside.leave();
          };
          const ordered_stream_options options{.max_in_flight = cap,
                                               .max_reorder = reorder};
          auto main = [&]() -> task<> {
            auto stream = is_async ? std::make_unique<ordered_stream<pointer>>(
                                         pool, options, later)
                                   : std::make_unique<ordered_stream<pointer>>(
                                         pool, options, now);
            for (int n = 0; n != tasks; ++n)
              co_await stream->submit(work, n);
            co_await stream->join();
          };
          run(main());
          BOOST_TEST(counts_to(tasks, seen));
          BOOST_TEST(inside.peak() == 1);
        }
      }
}

BOOST_AUTO_TEST_CASE(a_slow_head_holds_back_what_is_behind_it) {
  gate door(pool.get_executor());
  journal<int> seen;
  ordered_stream<int> stream(pool, {}, [&](int n) { seen.add(n); });
  wait(stream.submit(gives_after(door, 0)));
  for (int n = 1; n != 1000; ++n)
    wait(stream.submit(gives(n)));
  block_until([&] { return stream.stats().in_flight == 1; });
  BOOST_TEST(seen.size() == 0u);
  door.open();
  wait(stream.join());
  BOOST_TEST(counts_to(1000, seen.entries()));
}

BOOST_AUTO_TEST_CASE(unlimited_is_unlimited) {
  gate door(pool.get_executor());
  int sum = 0;
  ordered_stream<int> stream(pool, {}, [&](int n) { sum += n; });
  for (int n = 0; n != 500; ++n)
    wait(stream.submit(gives_after(door, 1)));
  block_until([&] { return door.arrivals() == 500; });
  door.open();
  wait(stream.join());
  BOOST_TEST(sum == 500);
}

BOOST_AUTO_TEST_CASE(never_more_tasks_run_than_the_cap_says) {
  for (std::size_t cap : caps) {
    high_water inside;
    auto work = [&]() -> task<int> {
      inside.enter();
      on_scope_exit leave([&] { inside.leave(); });
      co_await checkpoint();
      co_return 1;
    };
    int sum = 0;
    auto main = [&]() -> task<> {
      ordered_stream<int> stream(
          pool, {.max_in_flight = cap}, [&](int n) { sum += n; });
      for (int n = 0; n != 500; ++n)
        co_await stream.submit(work);
      co_await stream.join();
    };
    run(main());
    BOOST_TEST(sum == 500);
    BOOST_TEST(inside.peak() <= static_cast<int>(cap));
  }
}

BOOST_AUTO_TEST_CASE(submit_waits_while_too_many_results_do) {
  for (std::size_t cap : {std::size_t{2}, unlimited}) {
    gate head(pool.get_executor());
    journal<int> seen;
    ordered_stream<int> stream(pool,
                               {.max_in_flight = cap, .max_reorder = 3},
                               [&](int n) { seen.add(n); });
    wait(stream.submit(gives_after(head, 0)));
    for (int n = 1; n != 4; ++n) {
      wait(stream.submit(gives(n)));
      block_until([&] { return stream.stats().in_flight == 1; });
    }
    std::vector<std::future<void>> later;
    for (int n = 4; n != 10; ++n)
      later.push_back(stream.submit(gives(n))(asio::use_future));
    BOOST_TEST((later[0].wait_for(std::chrono::milliseconds(1)) ==
                std::future_status::timeout));
    BOOST_TEST(stream.stats().spawned == 4u);
    head.open();
    for (auto& each : later)
      each.get();
    wait(stream.join());
    BOOST_TEST(counts_to(10, seen.entries()));
  }
}

BOOST_AUTO_TEST_CASE(after_a_clean_join_it_is_as_new) {
  journal<int> seen;
  ordered_stream<int> stream(pool,
                             {.max_in_flight = 2, .max_reorder = 2},
                             [&](int n) { seen.add(n); });
  wait(stream.join());
  stream.set_max_in_flight(3);
  for (int round = 0; round != 3; ++round) {
    for (int n = 0; n != 100; ++n)
      wait(stream.submit(gives(100 * round + n)));
    wait(stream.join());
  }
  BOOST_TEST(counts_to(300, seen.entries()));
  BOOST_TEST(stream.max_in_flight() == 3u);
}

BOOST_AUTO_TEST_CASE(tasks_and_callbacks_may_submit) {
  for (std::size_t cap : caps) {
    std::atomic<int> calls{0};
    ordered_stream<int>* stream = nullptr;
    auto inner = [&]() -> task<int> {
      co_await stream->submit(gives(0));
      co_return 2;
    };
    auto callback = [&](int n) -> task<> {
      ++calls;
      if (n == 2)
        co_await stream->submit(gives(0));
    };
    ordered_stream<int> s(
        pool, {.max_in_flight = cap, .max_reorder = 1}, callback);
    stream = &s;
    for (int n = 0; n != 50; ++n)
      wait(s.submit(inner));
    wait(s.join());
    BOOST_TEST(calls == 150);
  }
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_at_the_call) {
  const auto ignore = [](int) {};
  BOOST_CHECK_EXCEPTION(ordered_stream<int>(pool, {.max_in_flight = 0}, ignore),
                        std::invalid_argument,
                        says("max_in_flight is 0"));
  BOOST_CHECK_EXCEPTION(ordered_stream<int>(pool, {.max_reorder = 0}, ignore),
                        std::invalid_argument,
                        says("max_reorder is 0"));
  const std::function<void(int)> none;
  BOOST_CHECK_EXCEPTION(ordered_stream<int>(pool, {}, none),
                        std::invalid_argument,
                        says("the callable is empty"));
  ordered_stream<int> stream(pool, {}, ignore);
  BOOST_CHECK_EXCEPTION((void)stream.submit(task<int>()),
                        std::invalid_argument,
                        says("weir::ordered_stream::submit"));
  wait(stream.join());
}

BOOST_AUTO_TEST_CASE(a_coroutine_of_asio_feeds_it) {
  journal<int> seen;
  ordered_stream<int> stream(pool,
                             {.max_in_flight = 2, .max_reorder = 1},
                             [&](int n) { seen.add(n); });
  auto work = [](int n) -> asio::awaitable<int> { co_return n; };
  auto main = [&]() -> asio::awaitable<int> {
    for (int n = 0; n != 200; ++n)
      co_await stream.submit(work, n);
    co_await stream.join();
    co_return 1;
  };
  BOOST_TEST(run_foreign(main()) == 1);
  BOOST_TEST(counts_to(200, seen.entries()));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_ordered_stream
