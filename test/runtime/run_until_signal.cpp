// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Signals are sent to the process itself, so each case that sends one does so
// in a child process, which writes to stderr what happens. Above 300 lines, as
// most cases share the tasks at the top.

#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/finally.hpp>
#include <weir/named.hpp>
#include <weir/run_until_signal.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/death.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

namespace weir::test::of_run_until_signal {

BOOST_AUTO_TEST_SUITE(run_until_signal)

using namespace std::chrono_literals;

void say(const char* line) { std::fprintf(stderr, "%s\n", line); }
void say(const signal_end& end) {
  std::fprintf(stderr,
               "returned signal %d%s\n",
               end.signal,
               end.is_stopped ? ", stopped" : "");
}
void send(int number) { ::kill(::getpid(), number); }

task<> sleeps() { co_await sleep_for(1h); }

// Prints when it ends, in whatever way.
task<> waits(const char* name, gate& arrived) {
  on_scope_exit ends([&] { say(name); });
  arrived.open();
  co_await sleeps();
}

// Starts `detached` and, when it waits, sends a signal and waits as well.
task<> signals_itself(runtime& on, std::function<task<>(gate&)> detached) {
  gate arrived(on.get_executor());
  weir::co_spawn(on, detached(arrived), asio::detached);
  co_await arrived.wait();
  send(SIGTERM);
  co_await sleeps();
}

BOOST_AUTO_TEST_CASE(a_signal_cancels_all_tasks_and_is_returned) {
  const child_end child = run_in_child([] {
    runtime pool(2);
    auto main = [&]() -> task<> {
      on_scope_exit ends([] { say("main ends"); });
      auto waits_detached = [](gate& arrived) {
        return waits("session ends", arrived);
      };
      co_await signals_itself(pool, waits_detached);
    };
    say(weir::run_until_signal(pool, main()));
  });
  BOOST_TEST(child.status == 0);
  BOOST_TEST(child.printed.find("session ends\n") != std::string::npos);
  BOOST_TEST(child.printed.find("main ends\n") != std::string::npos);
  BOOST_TEST(child.printed.ends_with("returned signal 15\n"));
}

BOOST_AUTO_TEST_CASE(it_waits_for_the_clean_up_of_detached_tasks) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto cleans_up = [](gate& arrived) -> task<> {
      auto last_words = []() -> task<> {
        co_await sleep_for(1ms);
        say("cleaned up");
      };
      co_await finally(waits("cancelled", arrived), last_words);
    };
    say(weir::run_until_signal(pool, signals_itself(pool, cleans_up)));
  });
  BOOST_TEST(child.printed == "cancelled\ncleaned up\nreturned signal 15\n");
}

BOOST_AUTO_TEST_CASE(a_task_that_starts_after_the_signal_is_cancelled) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    task_group outside(pool); // cancelled after all root tasks were
    auto starts_another = [&]() -> task<> {
      auto late = [&]() -> task<> {
        weir::co_spawn(pool, sleeps(), asio::detached);
        co_return;
      };
      co_await finally(sleeps(), late);
    };
    outside.spawn(starts_another())(asio::use_future).get();
    auto main = []() -> task<> {
      send(SIGTERM);
      co_await sleeps();
    };
    say(weir::run_until_signal(pool, main()));
    outside.join()(asio::use_future).wait();
  });
  BOOST_TEST(child.printed == "returned signal 15\n");
}

// The clean-up takes half a second, unless run_until_signal() has returned.
BOOST_AUTO_TEST_CASE(a_group_outside_of_tasks_is_waited_for) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    std::atomic<bool> has_returned{false};
    task_group outside(pool);
    auto cleans_up = [&]() -> task<> {
      auto last_words = [&]() -> task<> {
        for (int i = 0; i != 500 && !has_returned; ++i)
          co_await sleep_for(1ms);
        say("cleaned up");
      };
      co_await finally(sleeps(), last_words);
    };
    outside.spawn(cleans_up())(asio::use_future).get();
    auto main = []() -> task<> {
      send(SIGINT);
      co_await sleeps();
    };
    say(weir::run_until_signal(pool, main()));
    has_returned = true;
    outside.join()(asio::use_future).wait();
  });
  BOOST_TEST(child.printed == "cleaned up\nreturned signal 2\n");
}

BOOST_AUTO_TEST_CASE(what_outlasts_the_clean_up_is_stopped_and_named) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto holds_out = [](gate& arrived) {
      return named("stubborn", shield(waits("destroyed", arrived)));
    };
    say(weir::run_until_signal(
        pool, signals_itself(pool, holds_out), {.clean_up = 0s}));
  });
  BOOST_TEST(child.status == 0);
  BOOST_TEST(child.printed.find("stops the runtime") != std::string::npos);
  BOOST_TEST(child.printed.find("  task stubborn\n") != std::string::npos);
  BOOST_TEST(
      child.printed.ends_with("destroyed\nreturned signal 15, stopped\n"));
}

// Waits for the first signal's effect, then sends the second.
task<> sends_another(gate& arrived, const char* then) {
  auto again = [then]() -> task<> {
    send(SIGTERM);
    if (then != nullptr)
      say(then);
    else
      co_await sleeps();
  };
  co_await finally(waits("cancelled", arrived), again);
}

BOOST_AUTO_TEST_CASE(the_second_signal_ends_the_process) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto again = [](gate& arrived) { return sends_another(arrived, nullptr); };
    say(weir::run_until_signal(pool, signals_itself(pool, again)));
  });
  BOOST_TEST(child.signal == SIGTERM);
  BOOST_TEST(child.printed == "cancelled\n");
}

BOOST_AUTO_TEST_CASE(the_second_signal_ends_it_though_every_thread_is_busy) {
  const child_end child = run_in_child(
      [] {
        runtime pool(1);
        auto busy = []() -> task<> {
          send(SIGTERM);
          struct ::sigaction now {};
          do {
            std::this_thread::yield();
            ::sigaction(SIGTERM, nullptr, &now);
          } while (now.sa_handler != SIG_DFL);
          say("heard");
          send(SIGTERM);
          for (;;)
            std::this_thread::yield();
          co_return;
        };
        say(weir::run_until_signal(pool, busy()));
      },
      60);
  BOOST_TEST(child.signal == SIGTERM);
  BOOST_TEST(child.printed == "heard\n");
}

BOOST_AUTO_TEST_CASE(the_second_signal_can_stop_the_runtime) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto again = [](gate& arrived) { return sends_another(arrived, nullptr); };
    say(weir::run_until_signal(pool,
                               signals_itself(pool, again),
                               {.clean_up = clock::duration::max(),
                                .second = second_signal::stops_runtime}));
  });
  BOOST_TEST(child.status == 0);
  BOOST_TEST(child.printed.ends_with("returned signal 15, stopped\n"));
}

BOOST_AUTO_TEST_CASE(the_second_signal_can_be_ignored) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto again = [](gate& arrived) {
      return sends_another(arrived, "still there");
    };
    say(weir::run_until_signal(pool,
                               signals_itself(pool, again),
                               {.second = second_signal::is_ignored}));
  });
  BOOST_TEST(child.status == 0);
  BOOST_TEST(child.printed == "cancelled\nstill there\nreturned signal 15\n");
}

BOOST_AUTO_TEST_CASE(other_signals_can_be_chosen) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto main = []() -> task<> {
      send(SIGHUP);
      co_await sleeps();
    };
    say(weir::run_until_signal(pool, main(), {.signals = {SIGHUP}}));
    send(SIGHUP); // has its default action again
  });
  BOOST_TEST(child.printed == "returned signal 1\n");
  BOOST_TEST(child.signal == SIGHUP);
}

BOOST_FIXTURE_TEST_CASE(without_a_signal_it_waits_for_every_root_task,
                        pool_fixture) {
  bool has_ended = false;
  gate door(pool.get_executor());
  auto child = [&]() -> task<> {
    co_await door.wait();
    co_await sleep_for(1ms);
    has_ended = true;
  };
  auto main = [&]() -> task<> {
    weir::co_spawn(pool, child(), asio::detached);
    door.open();
    co_return;
  };
  const signal_end end = weir::run_until_signal(pool, main(), {.signals = {}});
  BOOST_TEST(has_ended);
  BOOST_TEST(end.signal == 0);
  BOOST_TEST(!end.is_stopped);
}

BOOST_FIXTURE_TEST_CASE(an_error_of_main_cancels_the_others_and_is_thrown,
                        pool_fixture) {
  bool has_unwound = false;
  auto child = [&](gate& arrived) -> task<> {
    on_scope_exit ends([&] { has_unwound = true; });
    arrived.open();
    co_await sleeps();
  };
  gate arrived(pool.get_executor());
  auto main = [&]() -> task<> {
    weir::co_spawn(pool, child(arrived), asio::detached);
    co_await arrived.wait();
    throw std::runtime_error("boom");
  };
  BOOST_CHECK_EXCEPTION(
      weir::run_until_signal(pool, main()), std::runtime_error, says("boom"));
  BOOST_TEST(has_unwound);
  // The runtime is as before: neither stopped nor cancelling.
  auto sleeps_shortly = []() -> task<> { co_await sleep_for(1ms); };
  run(sleeps_shortly());
  weir::run_until_signal(pool, sleeps_shortly());
}

BOOST_AUTO_TEST_CASE(what_main_throws_instead_of_its_cancellation_is_thrown) {
  const child_end child = run_in_child([] {
    runtime pool(1);
    auto main = []() -> task<> {
      send(SIGTERM);
      try {
        co_await sleeps();
      } catch (const boost::system::system_error&) {
        throw std::runtime_error("not cleaned up");
      }
    };
    try {
      say(weir::run_until_signal(pool, main()));
    } catch (const std::runtime_error& error) {
      say(error.what());
    }
  });
  BOOST_TEST(child.printed == "not cleaned up\n");
}

BOOST_FIXTURE_TEST_CASE(a_runtime_that_somebody_stops_is_reported,
                        pool_fixture) {
  auto main = [&]() -> task<> {
    pool.stop();
    co_await sleeps();
  };
  BOOST_CHECK_EXCEPTION(weir::run_until_signal(pool, main()),
                        boost::system::system_error,
                        has_code(errc::task_abandoned));
  BOOST_CHECK_EXCEPTION(weir::run_until_signal(pool, returns()),
                        boost::system::system_error,
                        has_code(errc::runtime_stopped));
}

BOOST_FIXTURE_TEST_CASE(bad_input_is_refused, pool_fixture) {
  BOOST_CHECK_EXCEPTION(
      weir::run_until_signal(pool, returns(), {.signals = {SIGKILL}}),
      std::invalid_argument,
      says("signals has 9, must be signals that can be caught"));
  BOOST_CHECK_EXCEPTION(
      weir::run_until_signal(pool, returns(), {.signals = {SIGTERM, -1}}),
      std::invalid_argument,
      says("signals has -1"));
  BOOST_CHECK_EXCEPTION(
      weir::run_until_signal(pool, returns(), {.clean_up = -1ns}),
      std::invalid_argument,
      says("clean_up is negative (-1 ns), must be at least 0"));
  BOOST_CHECK_EXCEPTION(weir::run_until_signal(pool, task<>()),
                        std::invalid_argument,
                        says("weir::run_until_signal"));
  auto on_its_thread = [&]() -> task<> {
    weir::run_until_signal(pool, returns());
    co_return;
  };
  BOOST_CHECK_EXCEPTION(run(on_its_thread()),
                        boost::system::system_error,
                        has_code(errc::would_deadlock));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_run_until_signal
