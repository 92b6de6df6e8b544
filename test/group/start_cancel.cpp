// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A caller of start() that is cancelled while it waits.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/start.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/forms.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(start_cancel, pool_fixture)

using boost::system::system_error;
using weir::start;

BOOST_AUTO_TEST_CASE(the_child_is_cancelled_and_has_ended_first) {
  for (bool unwinds : {false, true})
    for (on_cancel form : {on_cancel::raise, on_cancel::unwind})
      BOOST_TEST_CONTEXT("caller unwinds " << unwinds << ", child "
                                           << static_cast<int>(form)) {
        gate never(pool.get_executor());
        gate door(pool.get_executor());
        std::atomic<int> ended{0};
        std::atomic<int> sibling_ended{0};
        int at_the_end = -1;
        int siblings_then = -1;
        bool went_on = false;
        bool cancelled = true;
        auto hangs = [&](started<int>&) -> task<> {
          on_scope_exit count([&] { ++ended; });
          co_await shield(waits_for(door)); // delays its end
          co_await never.wait();
        };
        auto main = [&]() -> task<> {
          task_group group(pool, {.cancellation = form});
          task_group callers(pool);
          co_await group.spawn(waits_and_counts(never, sibling_ended));
          auto calls = [&]() -> task<> {
            on_scope_exit note([&] {
              at_the_end = ended;
              siblings_then = sibling_ended;
            });
            (void)co_await start(group, hangs);
            went_on = true;
          };
          co_await callers.spawn(in_form(unwinds, calls()));
          co_await until(
              [&] { return door.arrivals() == 1 && never.arrivals() == 1; });
          callers.cancel();
          door.open();
          co_await callers.join();
          cancelled = group.is_cancelled(); // only that child was
          group.cancel();
          co_await group.join();
        };
        run(main());
        BOOST_TEST(at_the_end == 1);
        BOOST_TEST(siblings_then == 0);
        BOOST_TEST(!went_on);
        BOOST_TEST(!cancelled);
      }
}

BOOST_AUTO_TEST_CASE(saying_so_too_late_does_not_help_the_child) {
  gate door(pool.get_executor());
  std::atomic<bool> was_aborted{false};
  bool went_on = false;
  auto late = [&](started<int>& ready) -> task<> {
    co_await shield(waits_for(door));
    ready.set(1);
    try {
      co_await checkpoint();
    } catch (const system_error&) {
      was_aborted = true;
      throw;
    }
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    task_group callers(pool);
    auto calls = [&]() -> task<> {
      (void)co_await start(group, late);
      went_on = true;
    };
    co_await callers.spawn(calls());
    co_await until([&] { return door.arrivals() == 1; });
    callers.cancel();
    door.open();
    co_await callers.join();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(was_aborted);
  BOOST_TEST(!went_on);
}

BOOST_AUTO_TEST_CASE(the_error_of_a_cancelled_child_reaches_the_caller) {
  gate never(pool.get_executor());
  std::string text;
  auto fails = [&](started<>&) -> task<> {
    try {
      co_await never.wait();
    } catch (const system_error&) {
      throw std::runtime_error("clean-up failed");
    }
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    task_group callers(pool);
    auto calls = [&]() -> task<> {
      try {
        co_await start(group, fails);
      } catch (const std::runtime_error& e) {
        text = e.what();
      }
    };
    co_await callers.spawn(calls());
    co_await until([&] { return never.arrivals() == 1; });
    callers.cancel();
    co_await callers.join();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(text == "clean-up failed");
}

BOOST_AUTO_TEST_CASE(a_caller_that_waits_for_a_slot_starts_nothing) {
  gate never(pool.get_executor());
  std::atomic<int> calls{0};
  auto child = [&](started<>& ready) -> task<> {
    ++calls;
    ready.set();
    co_return;
  };
  auto main = [&]() -> task<> {
    task_group group(pool, {.max_in_flight = 1});
    task_group callers(pool);
    co_await group.spawn(waits_for(never));
    auto asks = [&]() -> task<> { co_await start(group, child); };
    co_await callers.spawn(asks());
    co_await until([&] { return group.stats().waiting == 1; });
    callers.cancel();
    co_await callers.join();
    group.cancel();
    co_await group.join();
  };
  run(main());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_cancel_that_meets_the_word_goes_one_way_or_the_other) {
  int got = 0;
  int aborted = 0;
  int wrong = 0;
  int rounds = 0;
  auto main = [&]() -> task<> {
    while (rounds != 1000) {
      ++rounds;
      task_group group(pool);
      task_group callers(pool);
      std::atomic<int> said{0};
      bool has_value = false;
      auto child = [&](started<int>& ready) -> task<> {
        co_await checkpoint();
        ready.set(1);
        ++said;
      };
      auto asks = [&]() -> task<> {
        has_value = co_await start(group, child) == 1;
      };
      co_await callers.spawn(asks);
      for (int i = 0; i != rounds % 5; ++i)
        co_await checkpoint();
      callers.cancel();
      co_await callers.join();
      co_await group.join();
      ++(has_value ? got : aborted);
      if (has_value && said != 1)
        ++wrong;
    }
  };
  run(main());
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_nothing_is_left_behind) {
  std::atomic<int> ended{0};
  std::atomic<int> went_on{0};
  {
    weir::runtime brief(2);
    auto never = std::make_shared<gate>(brief.get_executor());
    auto main = [](std::shared_ptr<gate> door,
                   std::atomic<int>& count,
                   std::atomic<int>& after) -> task<> {
      auto hangs = [&](started<>&) -> task<> {
        on_scope_exit mark([&] { ++count; });
        co_await door->wait();
      };
      task_group group(co_await asio::this_coro::executor);
      co_await start(group, hangs);
      ++after;
      co_await group.join();
    };
    weir::co_spawn(brief, main(never, ended, went_on), asio::detached);
    block_until([&] { return never->arrivals() == 1; });
    brief.stop();
    never.reset();
  }
  BOOST_TEST(ended == 1);
  BOOST_TEST(went_on == 0);
}

BOOST_AUTO_TEST_CASE(a_child_that_is_up_is_cancelled_with_its_group) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind})
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      gate never(pool.get_executor());
      bool handled = false;
      auto serves = [&](started<int>& ready) -> task<> {
        ready.set(1);
        try {
          co_await never.wait();
        } catch (const system_error&) {
          handled = true;
          throw;
        }
      };
      task_group group(pool, {.cancellation = form});
      auto main = [&]() -> task<> {
        (void)co_await start(group, serves);
        co_await until([&] { return never.arrivals() == 1; });
        group.cancel();
        co_await group.join();
      };
      run(main());
      BOOST_TEST(handled == (form == on_cancel::raise));
      BOOST_TEST(group.stats().cancelled == 1u);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
