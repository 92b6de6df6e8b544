// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "support/counted.hpp"
#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace weir::test::of_co_spawn {

BOOST_FIXTURE_TEST_SUITE(co_spawn, pool_fixture)

task<int> number(int n) {
  co_await checkpoint();
  co_return n;
}

struct no_default {
  explicit no_default(int n) : number(n) {}
  int number;
};

BOOST_AUTO_TEST_CASE(a_future_gets_the_value) {
  BOOST_TEST(weir::co_spawn(pool, number(1), asio::use_future).get() == 1);
  BOOST_TEST(
      weir::co_spawn(pool.get_executor(), number(2), asio::use_future).get() ==
      2);
  weir::co_spawn(pool, returns(), asio::use_future).get();
}

BOOST_AUTO_TEST_CASE(a_future_gets_the_exception) {
  auto result = weir::co_spawn(pool, fails_with("boom"), asio::use_future);
  BOOST_CHECK_EXCEPTION(result.get(), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_callback_gets_error_and_value) {
  std::promise<std::pair<std::exception_ptr, int>> got;
  weir::co_spawn(pool, number(3), [&](std::exception_ptr error, int n) {
    got.set_value({error, n});
  });
  auto value = got.get_future().get();
  BOOST_TEST(!value.first);
  BOOST_TEST(value.second == 3);

  std::promise<std::exception_ptr> failed;
  weir::co_spawn(pool, fails_with("boom"), [&](std::exception_ptr error) {
    failed.set_value(error);
  });
  BOOST_TEST(text_of(failed.get_future().get()) == "boom");
}

BOOST_AUTO_TEST_CASE(a_reference_arrives_as_a_pointer) {
  int object = 0;
  auto refers = [&]() -> task<int&> { co_return object; };
  std::promise<int*> got;
  weir::co_spawn(
      pool, refers(), [&](std::exception_ptr, int* p) { got.set_value(p); });
  BOOST_TEST(got.get_future().get() == &object);
}

BOOST_AUTO_TEST_CASE(a_value_without_default_arrives_as_an_optional) {
  auto makes = [](bool fails) -> task<no_default> {
    if (fails)
      throw std::runtime_error("none");
    co_return no_default(4);
  };
  for (bool fails : {false, true}) {
    std::promise<std::optional<no_default>> got;
    weir::co_spawn(pool,
                   makes(fails),
                   [&](std::exception_ptr, std::optional<no_default> value) {
                     got.set_value(std::move(value));
                   });
    auto value = got.get_future().get();
    BOOST_TEST(value.has_value() != fails);
    if (value)
      BOOST_TEST(value->number == 4);
  }
}

BOOST_AUTO_TEST_CASE(a_move_only_value_is_moved_to_the_handler) {
  auto makes = []() -> task<std::unique_ptr<int>> {
    co_return std::make_unique<int>(5);
  };
  auto value = weir::co_spawn(pool, makes(), asio::use_future).get();
  BOOST_TEST(*value == 5);
}

BOOST_AUTO_TEST_CASE(detached_tasks_run) {
  std::promise<void> ran;
  auto child = [&]() -> task<> {
    co_await checkpoint();
    ran.set_value();
  };
  weir::co_spawn(pool, child(), asio::detached);
  ran.get_future().get();
}

BOOST_AUTO_TEST_CASE(a_foreign_awaitable_waits_for_it) {
  std::thread::id before;
  std::thread::id after;
  auto main = [&]() -> asio::awaitable<int> {
    before = std::this_thread::get_id();
    const int n = co_await weir::co_spawn(pool, number(6), asio::use_awaitable);
    after = std::this_thread::get_id();
    co_return n;
  };
  BOOST_TEST(run_foreign(main()) == 6);
  BOOST_TEST((before == std::this_thread::get_id()));
  BOOST_TEST((after == before));

  auto fails = [&]() -> asio::awaitable<void> {
    co_await weir::co_spawn(pool, fails_with("boom"), asio::use_awaitable);
  };
  BOOST_CHECK_EXCEPTION(run_foreign(fails()), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(another_task_waits_for_it) {
  auto main = [&]() -> task<int> {
    const int n = co_await weir::co_spawn(pool, number(7), asio::deferred);
    co_return n;
  };
  BOOST_TEST(run(main()) == 7);
}

BOOST_AUTO_TEST_CASE(deferred_starts_nothing_by_itself) {
  std::atomic<int> calls{0};
  {
    auto later = weir::co_spawn(pool, counts(calls), asio::deferred);
    run(returns());
    BOOST_TEST(calls == 0);
    std::move(later)(asio::use_future).get();
    BOOST_TEST(calls == 1);
  }
  { auto never_started = weir::co_spawn(pool, counts(calls), asio::deferred); }
  run(returns());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_bound_executor_gets_the_handler_and_is_kept_busy) {
  asio::io_context context(1);
  gate door(pool.get_executor());
  std::thread::id where;
  weir::co_spawn(pool,
                 waits_for(door),
                 asio::bind_executor(context, [&](std::exception_ptr) {
                   where = std::this_thread::get_id();
                 }));
  std::thread opener([&] {
    block_until([&] { return door.arrivals() == 1; });
    door.open();
  });
  context.run(); // returns only because the handler was called
  BOOST_TEST((where == std::this_thread::get_id()));
  opener.join();
}

BOOST_AUTO_TEST_CASE(a_handler_without_executor_runs_on_the_pool) {
  std::promise<std::thread::id> where;
  weir::co_spawn(pool, number(1), [&](std::exception_ptr, int) {
    where.set_value(std::this_thread::get_id());
  });
  BOOST_TEST((where.get_future().get() != std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(the_task_never_runs_inside_the_call) {
  weir::runtime one(1);
  std::promise<bool> inside;
  std::promise<void> done;
  bool started = false;
  auto child = [&]() -> task<> {
    started = true;
    done.set_value();
    co_return;
  };
  asio::post(one.get_executor(), [&] {
    weir::co_spawn(one, child(), asio::detached);
    inside.set_value(started);
  });
  BOOST_TEST(!inside.get_future().get());
  done.get_future().get();
}

BOOST_AUTO_TEST_CASE(the_frame_is_gone_when_the_handler_runs) {
  std::atomic<int> alive{0};
  auto child = [&](counted) -> task<int> {
    counted local(alive);
    co_await checkpoint();
    co_return 1;
  };
  for (int i = 0; i != 100; ++i) {
    std::promise<int> left;
    weir::co_spawn(pool, child(counted(alive)), [&](std::exception_ptr, int) {
      left.set_value(alive);
    });
    BOOST_TEST(left.get_future().get() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_handler_may_spawn_the_next_task) {
  std::promise<int> last;
  struct chain {
    weir::runtime& pool;
    std::promise<int>& last;
    int left;
    void operator()(std::exception_ptr, int) {
      if (left == 0)
        last.set_value(0);
      else
        weir::co_spawn(pool, number(left), chain{pool, last, left - 1});
    }
  };
  weir::co_spawn(pool, number(0), chain{pool, last, 1000});
  BOOST_TEST(last.get_future().get() == 0);
}

BOOST_AUTO_TEST_CASE(a_callback_may_be_an_lvalue) {
  std::promise<int> got;
  auto callback = [&](std::exception_ptr, int n) { got.set_value(n); };
  weir::co_spawn(pool, number(9), callback);
  BOOST_TEST(got.get_future().get() == 9);
}

BOOST_AUTO_TEST_CASE(an_empty_task_is_an_invalid_argument) {
  BOOST_CHECK_EXCEPTION(weir::co_spawn(pool, task<>(), asio::detached),
                        std::invalid_argument,
                        says("weir::co_spawn"));
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_it_reports_runtime_stopped) {
  weir::runtime stopped(1);
  stopped.stop();
  std::atomic<int> calls{0};
  asio::io_context context(1);
  boost::system::error_code code;
  weir::co_spawn(stopped,
                 counts(calls),
                 asio::bind_executor(context, [&](std::exception_ptr error) {
                   code = code_of(error);
                 }));
  context.run();
  BOOST_TEST(code == errc::runtime_stopped);
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_co_spawn
