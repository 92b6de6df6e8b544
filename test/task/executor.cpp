// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/executor.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "support/both_executors.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_executor {

BOOST_FIXTURE_TEST_SUITE(executor, both_executors)

using weir::executor;

static_assert(asio::execution::is_executor_v<executor>);
static_assert(std::is_convertible_v<executor, asio::any_io_executor>);
static_assert(std::is_constructible_v<asio::any_io_executor, executor>);
static_assert(std::is_nothrow_copy_constructible_v<executor>);
static_assert(std::is_nothrow_move_constructible_v<executor>);
static_assert(sizeof(executor) <= 16);
static_assert(asio::can_query_v<executor, asio::execution::context_t>);
static_assert(
    asio::can_require_v<executor, asio::execution::blocking_t::never_t>);
static_assert(
    asio::can_require_v<executor, asio::execution::blocking_t::possibly_t>);
static_assert(
    asio::can_prefer_v<executor,
                       asio::execution::outstanding_work_t::tracked_t>);

BOOST_AUTO_TEST_CASE(runs_what_is_posted_deferred_and_dispatched) {
  for (const executor& ex : both_kinds()) {
    std::latch done(3);
    asio::post(ex, [&] { done.count_down(); });
    asio::defer(ex, [&] { done.count_down(); });
    asio::dispatch(ex, [&] { done.count_down(); });
    done.wait();
  }
}

BOOST_AUTO_TEST_CASE(runs_functions_that_can_only_be_moved) {
  for (const executor& ex : both_kinds()) {
    std::promise<int> result;
    asio::post(ex, [&, n = std::make_unique<int>(4)] { result.set_value(*n); });
    BOOST_TEST(result.get_future().get() == 4);
  }
}

BOOST_AUTO_TEST_CASE(works_inside_any_io_executor) {
  for (const executor& ex : both_kinds()) {
    const asio::any_io_executor any = ex;
    std::promise<void> ran;
    asio::post(any, [&] { ran.set_value(); });
    ran.get_future().get();
    BOOST_TEST((*any.target<executor>() == ex));
    BOOST_TEST((any == asio::any_io_executor(ex)));
  }
}

BOOST_AUTO_TEST_CASE(copies_are_equal_and_properties_matter) {
  const executor ex = pool.get_executor();
  const executor copy = ex;
  BOOST_TEST((copy == ex));
  BOOST_TEST((ex == pool.get_executor()));
  const executor never = asio::require(ex, asio::execution::blocking.never);
  BOOST_TEST((never != ex));
  BOOST_TEST((asio::require(never, asio::execution::blocking.possibly) == ex));
  BOOST_TEST((of_a_task() != ex));
  weir::runtime other(1);
  BOOST_TEST((other.get_executor() != ex));
}

BOOST_AUTO_TEST_CASE(can_be_assigned_and_moved) {
  executor ex = of_a_task();
  executor other = pool.get_executor();
  const executor task_ex = ex;
  other = ex;
  BOOST_TEST((other == task_ex));
  const executor moved = std::move(other);
  BOOST_TEST((moved == task_ex));
  other = pool.get_executor();
  BOOST_TEST((other == pool.get_executor()));
}

BOOST_AUTO_TEST_CASE(answers_for_its_properties) {
  for (const executor& ex : both_kinds()) {
    const auto never = asio::require(ex, asio::execution::blocking.never);
    BOOST_TEST((asio::query(never, asio::execution::blocking) ==
                asio::execution::blocking.never));
    BOOST_TEST((asio::query(ex, asio::execution::blocking) ==
                asio::execution::blocking.possibly));
    const auto next =
        asio::prefer(ex, asio::execution::relationship.continuation);
    BOOST_TEST((asio::query(next, asio::execution::relationship) ==
                asio::execution::relationship.continuation));
    BOOST_TEST((asio::query(ex, asio::execution::mapping) ==
                asio::execution::mapping.thread));
    const auto fork = asio::prefer(next, asio::execution::relationship.fork);
    BOOST_TEST((asio::query(fork, asio::execution::relationship) ==
                asio::execution::relationship.fork));
  }
}

BOOST_AUTO_TEST_CASE(both_kinds_have_the_same_context) {
  asio::execution_context& context =
      asio::query(pool.get_executor(), asio::execution::context);
  BOOST_TEST(&asio::query(of_a_task(), asio::execution::context) == &context);
  // It is an asio::thread_pool, which has an executor of its own.
  std::promise<void> ran;
  asio::post(static_cast<asio::thread_pool&>(context),
             [&] { ran.set_value(); });
  ran.get_future().get();
}

BOOST_AUTO_TEST_CASE(dispatch_runs_at_once_from_within) {
  for (const executor& ex : both_kinds()) {
    std::promise<bool> at_once;
    asio::post(ex, [&] {
      bool ran = false;
      asio::dispatch(ex, [&] { ran = true; });
      at_once.set_value(ran);
    });
    BOOST_TEST(at_once.get_future().get());
  }
}

thread_local bool posting = false;

BOOST_AUTO_TEST_CASE(post_and_defer_never_run_inside_the_call) {
  for (const executor& ex : both_kinds()) {
    std::atomic<int> inside{0};
    std::latch done(3);
    auto nested = [&] {
      if (posting)
        ++inside;
      done.count_down();
    };
    asio::post(ex, [&, nested] {
      posting = true;
      asio::post(ex, nested);
      asio::defer(ex, nested);
      posting = false;
      done.count_down();
    });
    done.wait();
    BOOST_TEST(inside == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_copy_outlives_its_task) {
  std::optional<executor> kept;
  auto keeps = [&]() -> task<> {
    kept.emplace(co_await asio::this_coro::executor);
    co_await checkpoint();
  };
  run(keeps());
  std::latch done(100);
  for (int i = 0; i != 100; ++i)
    asio::post(*kept, [&] { done.count_down(); });
  done.wait();
  std::promise<void> dispatched;
  asio::dispatch(*kept, [&] { dispatched.set_value(); });
  dispatched.get_future().get();
}

BOOST_AUTO_TEST_CASE(functions_of_a_task_never_overlap_it) {
  constexpr int threads = 4;
  constexpr int each = 2000;
  int plain = 0; // only on the task's strand: TSan and the sum check that
  std::atomic<bool> inside{false};
  std::atomic<bool> overlapped{false};
  std::atomic<int> done{0};
  auto touch = [&] {
    if (inside.exchange(true))
      overlapped = true;
    ++plain;
    inside = false;
  };
  std::promise<executor> published;
  std::atomic<int> turns{0};
  auto main = [&]() -> task<> {
    published.set_value(co_await asio::this_coro::executor);
    while (done != threads * each) {
      touch();
      ++turns;
      co_await checkpoint();
    }
  };
  std::thread hammers([&] {
    const executor ex = published.get_future().get();
    std::vector<std::thread> all;
    for (int t = 0; t != threads; ++t)
      all.emplace_back([&, t] {
        for (int i = 0; i != each; ++i) {
          auto f = [&] {
            touch();
            ++done;
          };
          if ((i + t) % 3 == 0)
            asio::dispatch(ex, f);
          else if ((i + t) % 3 == 1)
            asio::post(ex, f);
          else
            asio::defer(ex, f);
        }
      });
    for (std::thread& t : all)
      t.join();
  });
  run(main());
  hammers.join();
  BOOST_TEST(!overlapped);
  BOOST_TEST(plain == threads * each + turns);
}

BOOST_AUTO_TEST_CASE(functions_posted_by_one_thread_to_a_task_keep_order) {
  const executor ex = of_a_task();
  std::vector<int> order; // only on the task's strand
  std::promise<void> done;
  for (int i = 0; i != 1000; ++i)
    asio::post(ex, [&, i] { order.push_back(i); });
  asio::post(ex, [&] { done.set_value(); });
  done.get_future().get();
  BOOST_REQUIRE(order.size() == 1000u);
  for (int i = 0; i != 1000; ++i)
    BOOST_REQUIRE(order[static_cast<std::size_t>(i)] == i);
}

// Throws only on the thread that made it: elsewhere that ends the process.
class sharp_function {
public:
  sharp_function(int moves, std::promise<void>& ran)
      : left_(moves), ran_(ran) {}
  sharp_function(sharp_function&& other)
      : left_(other.left_ - 1), ran_(other.ran_), maker_(other.maker_) {
    if (left_ < 0 && std::this_thread::get_id() == maker_)
      throw std::runtime_error("moved too often");
  }
  void operator()() { ran_.set_value(); }

private:
  int left_;
  std::promise<void>& ran_;
  std::thread::id maker_ = std::this_thread::get_id();
};

BOOST_AUTO_TEST_CASE(a_function_that_throws_when_moved_is_not_run) {
  for (const executor& ex : both_kinds()) {
    std::promise<void> ran;
    int moves = 0;
    for (bool accepted = false; !accepted; ++moves) {
      BOOST_TEST_REQUIRE(moves < 20);
      try {
        ex.execute(sharp_function(moves, ran));
        accepted = true;
      } catch (const std::runtime_error&) {
        accepted = false;
      }
    }
    ran.get_future().get(); // A second run would have thrown.
    BOOST_TEST(moves > 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_executor
