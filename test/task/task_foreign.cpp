// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Awaitables of other libraries awaited by a task.

#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deadlock.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/this_task.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/bell.hpp"
#include "support/counted.hpp"
#include "support/death.hpp"
#include "support/pool_fixture.hpp"
#include "support/stack_meter.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

namespace weir::test::of_task_foreign {

BOOST_FIXTURE_TEST_SUITE(task_foreign, pool_fixture)

using boost::system::system_error;
using namespace std::chrono_literals;

// --- what await_suspend() may return ----------------------------------------

struct is_ready {
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const {
    throw std::logic_error("not asked for");
  }
  std::unique_ptr<int> await_resume() const { return std::make_unique<int>(1); }
};
struct resumes_at_once {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const { h.resume(); }
  int await_resume() const noexcept { return 2; }
};
struct does_not_suspend {
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  int await_resume() const noexcept { return 3; }
};
struct gives_itself {
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<>
  await_suspend(std::coroutine_handle<> h) const noexcept {
    return h;
  }
  int await_resume() const noexcept { return 4; }
};
// The handle of any coroutine, as many libraries take it.
struct is_generic {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) const {
    h.resume();
    return true;
  }
  int& await_resume() const noexcept { return *result; }
  int* result;
};
struct has_an_operator {};
resumes_at_once operator co_await(has_an_operator) noexcept { return {}; }

BOOST_AUTO_TEST_CASE(an_awaiter_of_each_form_gives_its_result) {
  int five = 5;
  auto main = [&]() -> task<std::string> {
    std::unique_ptr<int> one = co_await is_ready();
    std::string got = std::to_string(*one);
    got += std::to_string(co_await resumes_at_once());
    got += std::to_string(co_await does_not_suspend());
    got += std::to_string(co_await gives_itself());
    is_generic named{&five};
    int& result = co_await named;
    got += &result == &five ? '5' : '-';
    got += std::to_string(co_await has_an_operator());
    co_await std::suspend_never();
    co_return got;
  };
  BOOST_TEST(run(main()) == "123452");
}

BOOST_AUTO_TEST_CASE(the_task_goes_on_on_its_own_strand) {
  bell event;
  std::thread::id on;
  bool is_in_order = false;
  auto main = [&]() -> task<int> {
    const executor strand = co_await asio::this_coro::executor;
    const int heard = co_await event;
    on = std::this_thread::get_id();
    // A function posted to the strand waits for the task.
    std::atomic<bool> has_run{false};
    asio::post(strand, [&] { has_run = true; });
    is_in_order = !has_run;
    co_await until([&] { return has_run.load(); });
    co_return heard;
  };
  std::future<int> heard = co_spawn(pool, main(), asio::use_future);
  std::thread rings([&] { event.ring(); });
  const std::thread::id rang = rings.get_id();
  BOOST_TEST(heard.get() == 1);
  rings.join();
  BOOST_TEST((on != rang));
  BOOST_TEST(is_in_order);
}

BOOST_AUTO_TEST_CASE(a_task_may_ring_for_another) {
  bell to, fro;
  constexpr int rounds = 1000;
  auto left = [&]() -> task<> {
    for (int i = 0; i != rounds; ++i) {
      co_await until([&] { return to.is_awaited(); });
      to.ring();
      co_await fro;
    }
  };
  auto right = [&]() -> task<> {
    for (int i = 0; i != rounds; ++i) {
      co_await to;
      co_await until([&] { return fro.is_awaited(); });
      fro.ring();
    }
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(left());
      co_await group.spawn(right());
    });
  };
  run(main());
  BOOST_TEST(to.heard() == rounds);
  BOOST_TEST(fro.heard() == rounds);
}

BOOST_AUTO_TEST_CASE(a_long_row_of_ready_ones_needs_no_stack) {
  stack_meter stack;
  auto child = [&]() -> task<> {
    co_await resumes_at_once();
    stack.mark();
  };
  auto main = [&]() -> task<> {
    for (int i = 0; i != 10'000; ++i)
      co_await child();
  };
  testing::deterministic_runtime runtime;
  runtime.run(main());
  BOOST_TEST(stack.span() < 10'000u);
}

// --- exceptions -------------------------------------------------------------

enum class where { making, ready, suspend, after_resuming, resume };
struct throws_in {
  struct awaiter {
    bool await_ready() const { return may_throw(where::ready); }
    bool await_suspend(std::coroutine_handle<> h) const {
      if (at == where::after_resuming)
        h.resume();
      may_throw(where::after_resuming);
      may_throw(where::suspend);
      return false;
    }
    void await_resume() const { may_throw(where::resume); }
    bool may_throw(where here) const {
      if (at == here)
        throw std::runtime_error("thrown in " +
                                 std::to_string(static_cast<int>(here)));
      return false;
    }
    where at;
  };
  awaiter operator co_await() const {
    awaiter made{at};
    made.may_throw(where::making);
    return made;
  }
  where at;
};

BOOST_AUTO_TEST_CASE(what_the_awaiter_throws_comes_out_of_the_await) {
  auto main = [&]() -> task<std::string> {
    std::string got;
    for (where at : {where::making,
                     where::ready,
                     where::suspend,
                     where::after_resuming,
                     where::resume}) {
      throws_in awaited{at};
      try {
        co_await awaited;
      } catch (const std::runtime_error& e) {
        got += e.what();
        got += ' ';
      }
      co_await returns(); // It can still wait.
    }
    co_return got;
  };
  BOOST_TEST(run(main()) ==
             "thrown in 0 thrown in 1 thrown in 2 thrown in 3 thrown in 4 ");
}

// --- cancellation -----------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_cancellation_does_not_end_the_wait) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    bell event;
    bool has_value = false;
    bool goes_on = false;
    auto child = [&]() -> task<> {
      has_value = co_await event == 1;
      co_await returns();
      goes_on = true;
    };
    auto main = [&]() -> task<> {
      co_await with_task_group(
          {.cancellation = form}, [&](task_group& group) -> task<> {
            co_await group.spawn(child());
            co_await until([&] { return event.is_awaited(); });
            group.cancel();
            event.ring();
          });
    };
    run(main());
    BOOST_TEST(has_value); // The value is kept.
    BOOST_TEST(!goes_on);  // The next await ends the task.
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_does_not_ask_the_awaiter) {
  bell event;
  bool is_aborted = false;
  auto child = [&](task_group& group) -> task<> {
    group.cancel();
    try {
      co_await event;
    } catch (const system_error& e) {
      is_aborted = e.code() == asio::error::operation_aborted;
    }
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(child(group));
    });
  };
  run(main());
  BOOST_TEST(is_aborted);
  BOOST_TEST(!event.is_awaited());
}

BOOST_AUTO_TEST_CASE(a_handle_that_is_destroyed_abandons_the_task) {
  bell event;
  bool goes_on = false;
  std::atomic<int> alive{0};
  auto main = [&]() -> task<> {
    counted local(alive);
    co_await event;
    goes_on = true;
  };
  std::future<void> ended = co_spawn(pool, main(), asio::use_future);
  event.destroy_waiter();
  BOOST_CHECK_EXCEPTION(ended.get(), system_error, [](const system_error& e) {
    return e.code() == errc::task_abandoned;
  });
  BOOST_TEST(!goes_on);
  BOOST_TEST(alive == 0);
}

// --- the end of a runtime ---------------------------------------------------

BOOST_AUTO_TEST_CASE(both_ends_of_a_runtime_wait_for_it) {
  for (bool stops : {true, false}) {
    bell event;
    std::atomic<bool> is_ending{false};
    std::atomic<bool> has_rung{false};
    bool goes_on = false;
    auto main = [&]() -> task<> {
      co_await event;
      co_await returns();
      goes_on = true;
    };
    runtime_options options;
    options.threads = 1;
    options.on_unhandled = [](const std::exception_ptr&) noexcept {};
    auto ends = std::make_unique<runtime>(options);
    co_spawn(*ends, main(), asio::detached);
    std::thread rings([&] {
      block_until([&] { return is_ending.load() && event.is_awaited(); });
      has_rung = true;
      event.ring();
    });
    block_until([&] { return event.is_awaited(); });
    is_ending = true;
    if (stops)
      ends->stop();
    ends.reset();
    BOOST_TEST(has_rung);
    rings.join();
  }
}

BOOST_AUTO_TEST_CASE(a_report_says_what_the_task_waits_for) {
  const child_end end = run_in_child([] {
    bell event;
    auto main = [&]() -> task<> { co_await event; };
    testing::deterministic_runtime runtime({.outside_limit = 5ms});
    try {
      runtime.run(main());
    } catch (const testing::deadlock&) {
      // The runtime printed what the task waits for: no thread rings.
    }
    ::_exit(0);
  });
  BOOST_TEST(end.printed.find("task (unnamed) waits: an awaitable of another "
                              "library\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_task_foreign
