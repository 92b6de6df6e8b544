// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/offload.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/when_all.hpp>

#include "support/counted.hpp"
#include "support/foreign.hpp"
#include "support/hold.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test::of_offload {

BOOST_FIXTURE_TEST_SUITE(offload, pool_fixture)

using boost::system::system_error;
using weir::offload;

// No default constructor, moves only.
struct token {
  explicit token(int n) : number(std::make_unique<int>(n)) {}
  std::unique_ptr<int> number;
};

int twice(int n) { return 2 * n; }

BOOST_AUTO_TEST_CASE(the_function_runs_on_a_thread_of_the_pool) {
  blocking_pool blocking({.threads = 1});
  std::thread::id mine;
  std::thread::id theirs;
  bool on_strand = false;
  auto main = [&]() -> task<> {
    theirs =
        co_await offload(blocking, [] { return std::this_thread::get_id(); });
    mine = std::this_thread::get_id();
    on_strand = (co_await asio::this_coro::executor) ==
                detail::executor_access::of(co_await detail::this_core());
  };
  run(main());
  BOOST_TEST((theirs != std::thread::id()));
  BOOST_TEST((mine != theirs));
  BOOST_TEST(on_strand);
}

BOOST_AUTO_TEST_CASE(results_of_every_kind_come_back) {
  blocking_pool blocking({.threads = 2});
  int local = 0;
  auto main = [&]() -> task<int> {
    const int doubled = co_await offload(blocking, twice, 4);
    token moved = co_await offload(
        blocking,
        [](token t, int by) { return token(*t.number * by); },
        token(5),
        3);
    co_await offload(
        blocking, [](int& n) { n = 7; }, std::ref(local));
    int& same = co_await offload(blocking, [&]() -> int& { return local; });
    co_return doubled + *moved.number + (&same == &local ? same : 0);
  };
  BOOST_TEST(run(main()) == 8 + 15 + 7);
}

BOOST_AUTO_TEST_CASE(an_exception_is_thrown_where_it_is_awaited) {
  blocking_pool blocking({.threads = 1});
  auto main = [&]() -> task<> {
    co_await offload(blocking, [] { throw std::runtime_error("boom"); });
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(what_is_passed_is_gone_before_the_caller_goes_on) {
  blocking_pool blocking({.threads = 1});
  std::atomic<int> alive{0};
  int left = -1;
  auto main = [&]() -> task<> {
    auto f = [mark = counted(alive)](const counted&) {};
    for (int i = 0; i != 100; ++i) {
      const int mine = alive;
      co_await offload(blocking, f, counted(alive));
      left = alive - mine;
      if (left != 0)
        break;
    }
  };
  run(main());
  BOOST_TEST(left == 0);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(no_more_run_than_there_are_threads_and_in_their_order) {
  blocking_pool blocking({.threads = 1});
  hold first;
  std::mutex lock;
  std::vector<int> order; // guarded by lock
  auto main = [&]() -> task<> {
    task_group group(pool);
    auto note = [&](int n) -> task<> {
      co_await offload(
          blocking,
          [&](int mine) {
            std::lock_guard held(lock);
            order.push_back(mine);
          },
          n);
    };
    co_await group.spawn(offload(blocking, [&] { first.block(); }));
    co_await until([&] { return blocking.stats().running == 1; });
    for (int n = 0; n != 20; ++n) {
      co_await group.spawn(note, n);
      co_await until([&] {
        return blocking.stats().waiting == static_cast<std::size_t>(n) + 1;
      });
    }
    first.release();
    co_await group.join();
  };
  run(main());
  std::vector<int> sorted(20);
  for (int n = 0; n != 20; ++n)
    sorted[static_cast<std::size_t>(n)] = n;
  BOOST_TEST((order == sorted));
  BOOST_TEST(blocking.stats().running == 0u);
}

BOOST_AUTO_TEST_CASE(too_many_are_refused_and_their_functions_destroyed) {
  for (std::size_t allowed : {std::size_t{0}, std::size_t{3}})
    BOOST_TEST_CONTEXT("max_waiting " << allowed) {
      blocking_pool blocking({.threads = 2, .max_waiting = allowed});
      hold taken;
      std::vector<std::future<void>> accepted;
      std::atomic<int> alive{0};
      for (std::size_t i = 0; i != 2 + allowed; ++i)
        accepted.push_back(
            blocking.run([&] { taken.block(); })(asio::use_future));
      block_until([&] { return blocking.stats().running == 2; });
      BOOST_TEST(blocking.stats().waiting == allowed);
      auto late = [mark = counted(alive)] {};
      BOOST_CHECK_EXCEPTION(blocking.run(late)(asio::use_future).get(),
                            system_error,
                            has_code(errc::overloaded));
      BOOST_TEST(alive == 1); // `late` itself
      taken.release();
      for (auto& one : accepted)
        one.get();
      // A caller that was completed finds a free thread.
      BOOST_TEST(blocking.run(twice, 1)(asio::use_future).get() == 2);
    }
}

BOOST_AUTO_TEST_CASE(any_completion_token_works) {
  blocking_pool blocking({.threads = 1});
  BOOST_TEST(offload(blocking, twice, 3)(asio::use_future).get() == 6);
  std::optional<token> made =
      offload(blocking, [] { return token(4); })(asio::use_future).get();
  BOOST_REQUIRE(made.has_value());
  BOOST_TEST(*made->number == 4);
  int local = 9;
  int* same =
      offload(blocking, [&]() -> int& { return local; })(asio::use_future)
          .get();
  BOOST_TEST(same == &local);
  auto fails = offload(blocking, [] { throw std::runtime_error("boom"); });
  BOOST_CHECK_THROW(std::move(fails)(asio::use_future).get(),
                    std::runtime_error);
  auto gives_none =
      offload(blocking, []() -> int { throw std::runtime_error("no number"); });
  BOOST_CHECK_EXCEPTION(std::move(gives_none)(asio::use_future).get(),
                        std::runtime_error,
                        says("no number"));
  auto in_asio = [&]() -> asio::awaitable<int> {
    co_return co_await offload(blocking, twice, 21)(asio::use_awaitable);
  };
  BOOST_TEST(run_foreign(in_asio()) == 42);
}

BOOST_AUTO_TEST_CASE(many_tasks_and_few_threads_get_all_results) {
  blocking_pool blocking({.threads = 3});
  auto asks = [&](int n) -> task<int> {
    co_return co_await offload(blocking, twice, n);
  };
  std::vector<task<int>> works;
  for (int n = 0; n != 5000; ++n)
    works.push_back(asks(n));
  const std::vector<int> results = run(when_all(std::move(works)));
  int wrong = 0;
  for (int n = 0; n != 5000; ++n)
    wrong += results[static_cast<std::size_t>(n)] != 2 * n;
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(join_waits_until_nothing_runs_or_waits) {
  blocking_pool blocking({.threads = 1});
  blocking.join();
  std::atomic<int> calls{0};
  std::vector<std::future<void>> all;
  for (int i = 0; i != 50; ++i)
    all.push_back(blocking.run([&] { ++calls; })(asio::use_future));
  blocking.join();
  BOOST_TEST(calls == 50);
  for (auto& one : all)
    one.get();
  BOOST_TEST(blocking.run(twice, 2)(asio::use_future).get() == 4);
  auto joins = blocking.run([&] { blocking.join(); })(asio::use_future);
  BOOST_CHECK_EXCEPTION(
      joins.get(), system_error, has_code(errc::would_deadlock));
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_at_the_call) {
  BOOST_CHECK_EXCEPTION(
      blocking_pool({.threads = 0}),
      std::invalid_argument,
      says("weir::blocking_pool: threads is 0, must be at least 1"));
  blocking_pool blocking({.threads = 1, .max_waiting = unlimited});
  std::function<void()> empty;
  BOOST_CHECK_EXCEPTION((void)offload(blocking, empty),
                        std::invalid_argument,
                        says("weir::offload: the callable is empty"));
  void (*null)() = nullptr;
  BOOST_CHECK_THROW((void)offload(blocking, null), std::invalid_argument);
  BOOST_TEST(blocking.stats().threads == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_offload
