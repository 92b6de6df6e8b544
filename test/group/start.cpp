// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/start.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/unwinding.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace weir::test::of_start {

BOOST_FIXTURE_TEST_SUITE(start, operations)

using boost::system::error_code;
using boost::system::system_error;
using weir::start;

// The code that `work` throws; empty if it does not throw.
template <typename T>
task<error_code> code_thrown_by(task<T> work) {
  try {
    (void)co_await std::move(work);
  } catch (const system_error& e) {
    co_return e.code();
  }
  co_return error_code();
}

// The same for work that gives nothing.
task<error_code> code_thrown_by(task<> work) {
  try {
    co_await std::move(work);
  } catch (const system_error& e) {
    co_return e.code();
  }
  co_return error_code();
}

BOOST_AUTO_TEST_CASE(the_caller_gets_the_value_while_the_child_runs_on) {
  gate door(pool.get_executor());
  std::atomic<bool> ended{false};
  bool ended_early = true;
  auto serve = [&](started<int>& ready, int by) -> task<> {
    ready.set(2 * by);
    co_await door.wait();
    ended = true;
  };
  auto main = [&]() -> task<int> {
    task_group group(pool);
    const int value = co_await start(group, serve, 21);
    ended_early = ended;
    door.open();
    co_await group.join();
    co_return value;
  };
  BOOST_TEST(run(main()) == 42);
  BOOST_TEST(!ended_early);
  BOOST_TEST(ended);
}

task<> says_so(started<>& ready) {
  ready.set();
  co_return;
}

asio::awaitable<void> says_so_in_asio(started<int>& ready, int n) {
  ready.set(n);
  co_return;
}

// Moves only, has no default.
struct token {
  explicit token(int n) : number(std::make_unique<int>(n)) {}
  std::unique_ptr<int> number;
};

BOOST_AUTO_TEST_CASE(values_and_callables_of_every_kind_will_do) {
  auto generic = [](auto& ready) -> task<> {
    ready.set(token(3));
    co_return;
  };
  std::function<task<>(started<int>&)> function =
      [](started<int>& ready) -> task<> {
    ready.set(ready.is_set() ? 0 : 4);
    co_return;
  };
  auto main = [&]() -> task<int> {
    task_group group(pool);
    co_await start(group, says_so);
    const token moved = co_await start<token>(group, generic);
    const int four = co_await start(group, function);
    const int five = co_await start(group, says_so_in_asio, 5);
    co_await group.join();
    co_return *moved.number + four + five;
  };
  BOOST_TEST(run(main()) == 12);
}

BOOST_AUTO_TEST_CASE(an_error_before_it_is_up_is_the_callers_alone) {
  std::atomic<int> alive{0};
  int left = -1;
  bool cancelled = true;
  std::string text;
  auto fails = [](started<int>&, counted) -> task<> {
    throw std::runtime_error("no port");
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    try {
      (void)co_await start(group, fails, counted(alive));
    } catch (const std::runtime_error& e) {
      text = e.what();
      left = alive;
    }
    cancelled = group.is_cancelled();
    co_await group.spawn(returns());
    co_await group.join();
  };
  run(main());
  BOOST_TEST(text == "no port");
  BOOST_TEST(left == 0);
  BOOST_TEST(!cancelled);
}

BOOST_AUTO_TEST_CASE(an_error_after_it_is_up_is_the_groups) {
  gate door(pool.get_executor());
  auto fails = [&](started<int>& ready) -> task<> {
    ready.set(1);
    co_await door.wait();
    throw std::runtime_error("later");
  };
  int value = 0;
  auto main = [&]() -> task<> {
    task_group group(pool);
    value = co_await start(group, fails);
    door.open();
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(run(main()), std::runtime_error, says("later"));
  BOOST_TEST(value == 1);
}

BOOST_AUTO_TEST_CASE(a_child_that_never_says_so_is_an_error) {
  auto forgets = [](started<>&) -> task<> { co_return; };
  auto main = [&]() -> task<> {
    task_group group(pool);
    std::exception_ptr error;
    try {
      co_await start(group, forgets);
    } catch (const system_error&) {
      error = std::current_exception();
    }
    co_await group.join();
    if (error)
      std::rethrow_exception(error);
  };
  BOOST_CHECK_EXCEPTION(run(main()), system_error, has_code(errc::not_started));
}

BOOST_AUTO_TEST_CASE(saying_so_twice_is_a_logic_error_in_the_child) {
  auto twice = [](started<int>& ready) -> task<> {
    ready.set(1);
    ready.set(2);
    co_return;
  };
  int value = 0;
  auto main = [&]() -> task<> {
    task_group group(pool);
    value = co_await start(group, twice);
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(
      run(main()), std::logic_error, says("weir::started::set: called twice"));
  BOOST_TEST(value == 1);
}

BOOST_AUTO_TEST_CASE(a_child_whose_frame_is_dropped_does_not_hang_the_caller) {
  auto dropped = [&](started<>&) -> task<> {
    co_await drops_its_handler(how::inline_);
  };
  error_code code;
  auto main = [&]() -> task<> {
    task_group group(pool);
    code = co_await code_thrown_by(start(group, dropped));
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(
      run(main()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(code == errc::task_abandoned);
}

BOOST_AUTO_TEST_CASE(a_cancelled_group_ends_the_wait) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind})
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      error_code waiting;
      error_code late;
      auto hangs = [&](started<int>&) -> task<> { co_await never.wait(); };
      auto main = [&]() -> task<> {
        task_group group(pool, {.cancellation = form});
        task_group helper(pool);
        auto cancels = [&]() -> task<> {
          co_await until([&] { return never.arrivals() == 1; });
          group.cancel();
        };
        co_await helper.spawn(cancels());
        waiting = co_await code_thrown_by(start(group, hangs));
        late = co_await code_thrown_by(start(group, hangs));
        co_await helper.join();
        co_await group.join();
      };
      run(main());
      BOOST_TEST(waiting == asio::error::operation_aborted);
      BOOST_TEST(late == asio::error::operation_aborted);
    }
}

BOOST_AUTO_TEST_CASE(an_empty_callable_is_refused_at_the_call) {
  task_group group(pool);
  std::function<task<>(started<int>&)> empty;
  BOOST_CHECK_EXCEPTION((void)start(group, empty),
                        std::invalid_argument,
                        says("weir::start: the callable is empty"));
  BOOST_TEST(group.stats().spawned == 0u);
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(a_child_may_ask_whether_it_has_said_so) {
  bool before = true;
  bool after = false;
  auto asks = [&](started<>& ready) -> task<> {
    before = ready.is_set();
    ready.set();
    after = ready.is_set();
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    co_await start(group, asks);
    co_await group.join();
  };
  run(main());
  BOOST_TEST(!before);
  BOOST_TEST(after);
}

// Sometimes the child is ready before the caller, which waited for a slot,
// checks.
BOOST_AUTO_TEST_CASE(a_full_group_makes_the_caller_wait_for_a_slot) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    deterministic_runtime runtime({.seed = seed});
    gate door(runtime.get_executor());
    auto gives = [](started<int>& ready) -> task<> {
      ready.set(3);
      co_return;
    };
    int value = 0;
    auto main = [&]() -> task<> {
      task_group group(runtime.get_executor(), {.max_in_flight = 1});
      task_group callers(runtime.get_executor());
      auto calls = [&]() -> task<> { value = co_await start(group, gives); };
      co_await group.spawn(waits_for(door));
      co_await callers.spawn(calls);
      co_await until([&] { return group.stats().waiting == 1; });
      door.open();
      co_await callers.join();
      co_await group.join();
    };
    runtime.run(main());
    BOOST_TEST(value == 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_start
