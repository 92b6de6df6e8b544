// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Asio's own things on the executor.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/executor.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/both_executors.hpp"
#include "support/loopback.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(executor_use, both_executors)

using weir::executor;

BOOST_AUTO_TEST_CASE(timers_live_on_it) {
  for (const executor& ex : both_kinds()) {
    asio::steady_timer timer(ex, std::chrono::milliseconds(1));
    timer.async_wait(asio::use_future).get();
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>,
                               executor>
        typed(ex, std::chrono::milliseconds(1));
    typed.async_wait(asio::use_future).get();
  }
}

BOOST_AUTO_TEST_CASE(sockets_live_on_it) {
  for (const executor& ex : both_kinds()) {
    loopback pair(ex);
    char byte = 0;
    auto read =
        pair.there.async_read_some(asio::buffer(&byte, 1), asio::use_future);
    pair.here.async_write_some(asio::buffer("x", 1), asio::use_future).get();
    BOOST_TEST(read.get() == 1u);
    BOOST_TEST(byte == 'x');
  }
}

BOOST_AUTO_TEST_CASE(strands_on_it_serialise) {
  for (const executor& ex : both_kinds()) {
    auto strand = asio::make_strand(ex);
    int plain = 0; // TSan and the sum check it
    std::latch done(2000);
    auto hammer = [&] {
      for (int i = 0; i != 1000; ++i)
        asio::post(strand, [&] {
          ++plain;
          done.count_down();
        });
    };
    std::thread first(hammer);
    std::thread second(hammer);
    first.join();
    second.join();
    done.wait();
    std::promise<int> sum;
    asio::post(strand, [&] { sum.set_value(plain); });
    BOOST_TEST(sum.get_future().get() == 2000);
  }
}

BOOST_AUTO_TEST_CASE(coroutines_of_asio_run_on_it) {
  for (const executor& ex : both_kinds()) {
    auto child = [](int n) -> asio::awaitable<int> {
      asio::steady_timer timer(co_await asio::this_coro::executor,
                               std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
      co_return n;
    };
    BOOST_TEST(asio::co_spawn(ex, child(6), asio::use_future).get() == 6);
  }
}

BOOST_AUTO_TEST_CASE(a_work_guard_and_a_bound_handler_keep_it) {
  for (const executor& ex : both_kinds()) {
    auto guard = asio::make_work_guard(ex);
    std::promise<void> ran;
    asio::post(pool.get_executor(),
               asio::bind_executor(ex, [&] { ran.set_value(); }));
    ran.get_future().get();
    guard.reset();
  }
}

BOOST_AUTO_TEST_CASE(a_group_made_from_any_of_them_runs_its_children) {
  for (const executor& ex : both_kinds()) {
    std::atomic<int> calls{0};
    task_group group(ex);
    for (int i = 0; i != 10; ++i)
      wait(group.spawn(counts(calls)));
    wait(group.join());
    BOOST_TEST(calls == 10);
  }
}

BOOST_AUTO_TEST_CASE(a_handler_may_be_bound_to_a_strand) {
  asio::io_context context(1);
  const auto strand = asio::make_strand(context);
  // Destroyed before the context: a thread that has posted to a strand releases
  // it afterwards.
  weir::runtime pool(1);
  weir::channel<int> c(0);
  bool on_strand = false;
  bool ended_on_strand = false;
  int got = 0;
  c.receive()(asio::bind_executor(
      strand, [&](boost::system::error_code, std::optional<int> value) {
        on_strand = strand.running_in_this_thread();
        got = value.value_or(0);
      }));
  weir::co_spawn(pool, returns(), asio::bind_executor(strand, [&](auto) {
                   ended_on_strand = strand.running_in_this_thread();
                 }));
  BOOST_TEST((c.try_send(7) == send_status::sent));
  context.run();
  BOOST_TEST(on_strand);
  BOOST_TEST(ended_on_strand);
  BOOST_TEST(got == 7);
}

BOOST_AUTO_TEST_CASE(of_more_threads_only_as_many_as_it_has_run_tasks) {
  weir::runtime two(2);
  auto& context = static_cast<asio::thread_pool&>(
      asio::query(two.get_executor(), asio::execution::context));
  std::thread third([&] { context.attach(); });
  std::thread fourth([&] { context.attach(); });
  std::mutex lock;
  std::set<std::thread::id> of_handlers; // under lock
  std::set<std::thread::id> of_tasks;    // under lock
  auto notes = [&]() -> task<> {
    std::lock_guard held(lock);
    of_tasks.insert(std::this_thread::get_id());
    co_return;
  };
  int runs = 0;
  for (bool seen_all = false; runs != 200'000 && !seen_all; ++runs) {
    asio::post(context, [&] {
      std::lock_guard held(lock);
      of_handlers.insert(std::this_thread::get_id());
    });
    two.run(notes());
    std::lock_guard held(lock);
    seen_all = of_handlers.size() == 4 && runs >= 1000;
  }
  two.stop();
  third.join();
  fourth.join();
  BOOST_TEST(of_handlers.size() == 4u);
  BOOST_TEST(of_tasks.size() <= 2u);
}

// A thread that attaches itself to one runtime and, when that is destroyed, to
// another, while their own threads are busy.
BOOST_AUTO_TEST_CASE(a_thread_that_attaches_itself_never_runs_a_task) {
  for (const std::size_t threads : {1u, 2u}) {
    std::promise<asio::thread_pool*> first_pool;
    std::promise<void> has_left;
    std::promise<asio::thread_pool*> second_pool;
    std::thread visitor([&] {
      first_pool.get_future().get()->attach();
      has_left.set_value();
      second_pool.get_future().get()->attach();
    });
    const auto visited = [&](std::promise<asio::thread_pool*>& comes_to,
                             weir::runtime& to) {
      auto& context = static_cast<asio::thread_pool&>(
          asio::query(to.get_executor(), asio::execution::context));
      std::latch are_busy(static_cast<std::ptrdiff_t>(threads));
      // Shared: a thread may still be in wait() when this function returns.
      const auto may_go_on = std::make_shared<std::latch>(1);
      for (std::size_t i = 0; i != threads; ++i)
        asio::post(context, [&are_busy, may_go_on] {
          are_busy.count_down();
          may_go_on->wait();
        });
      are_busy.wait();
      comes_to.set_value(&context);
      std::thread::id of_task;
      auto notes = [&]() -> task<> {
        of_task = std::this_thread::get_id();
        co_return;
      };
      auto ended = weir::co_spawn(to, notes(), asio::use_future);
      // Queued behind the handler that wakes a worker.
      const auto turn = [] { return std::this_thread::get_id(); };
      const auto of_handler = asio::post(context, asio::use_future(turn)).get();
      may_go_on->count_down();
      ended.get();
      return of_handler == visitor.get_id() && of_task != visitor.get_id();
    };
    std::optional<weir::runtime> runs(std::in_place, threads);
    BOOST_TEST(visited(first_pool, *runs));
    runs->stop();
    has_left.get_future().get();
    runs.emplace(threads);
    BOOST_TEST(visited(second_pool, *runs));
    runs->stop();
    visitor.join();
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
