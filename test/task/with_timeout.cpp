// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// with_timeout() and with_deadline().

#include <weir/checkpoint.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_timeout.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/patiently.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace weir::test::of_with_timeout {

BOOST_FIXTURE_TEST_SUITE(with_timeout, pool_fixture)

using weir::with_timeout;
using namespace std::chrono_literals;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(work_in_time_returns_its_value) {
  int object = 0;
  auto value = []() -> task<std::unique_ptr<int>> {
    co_await sleep_for(1ms);
    co_return std::make_unique<int>(3);
  };
  auto refers = [&]() -> task<int&> { co_return object; };
  auto main = [&]() -> task<bool> {
    std::unique_ptr<int> p = co_await with_timeout(1h, value());
    int& same = co_await with_timeout(1h, refers());
    co_await with_timeout(1h, returns());
    co_await with_deadline(clock::now() + 1h, returns());
    co_return *p == 3 && &same == &object;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(work_in_time_passes_its_exception) {
  BOOST_CHECK_EXCEPTION(run(with_timeout(1h, fails_with("boom"))),
                        std::runtime_error,
                        says("boom"));
}

BOOST_AUTO_TEST_CASE(late_work_is_cancelled_and_timed_out_is_thrown) {
  gate never(pool.get_executor());
  for (int wait_in = 0; wait_in != 4; ++wait_in) {
    BOOST_TEST_CONTEXT("wait " << wait_in) {
      int begun = 0;
      int ended = 0;
      auto late = [&]() -> task<> {
        ++begun;
        on_scope_exit mark([&] { ++ended; });
        switch (wait_in) {
        case 0:
          co_await sleep_for(1h);
          break;
        case 1:
          co_await never.wait();
          break;
        case 2:
          for (;;)
            co_await checkpoint();
          break;
        case 3:
          co_await [](gate& g) -> asio::awaitable<void> {
            co_await g.wait();
          }(never);
          break;
        }
      };
      auto main = [&](clock::duration d) -> task<> {
        const auto begin = clock::now();
        try {
          co_await with_timeout(d, late());
        } catch (const system_error&) {
          if (clock::now() - begin < d)
            throw std::logic_error("early");
          throw;
        }
      };
      BOOST_TEST(patiently([&](clock::duration d) {
        BOOST_CHECK_EXCEPTION(
            run(main(d)), system_error, has_code(asio::error::timed_out));
        return begun == 1;
      }));
      BOOST_TEST(ended == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_task_goes_on_after_a_timeout) {
  auto sleeps = []() -> task<> { co_await sleep_for(1h); };
  auto main = [&]() -> task<int> {
    int timeouts = 0;
    for (int i = 0; i != 20; ++i) {
      try {
        co_await with_timeout(1ms, sleeps());
      } catch (const system_error& e) {
        timeouts += e.code() == asio::error::timed_out;
      }
      co_await checkpoint();
      co_await sleep_for(0s);
    }
    co_return timeouts;
  };
  BOOST_TEST(run(main()) == 20);
}

BOOST_AUTO_TEST_CASE(in_the_past_the_work_is_destroyed_unstarted) {
  std::atomic<int> alive{0};
  std::atomic<int> calls{0};
  auto child = [&](counted) -> task<> {
    ++calls;
    co_return;
  };
  BOOST_CHECK_EXCEPTION(run(with_timeout(-1s, child(counted(alive)))),
                        system_error,
                        has_code(asio::error::timed_out));
  BOOST_CHECK_EXCEPTION(
      run(with_timeout(clock::duration::min(), child(counted(alive)))),
      system_error,
      has_code(asio::error::timed_out));
  BOOST_CHECK_EXCEPTION(
      run(with_deadline(clock::time_point::min(), child(counted(alive)))),
      system_error,
      has_code(asio::error::timed_out));
  BOOST_TEST(calls == 0);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(a_timeout_counts_from_the_start_of_its_task) {
  testing::deterministic_runtime virtually;
  auto waits = []() -> task<> { co_await sleep_for(50min); };
  auto main = [&]() -> task<bool> {
    task<> in_time = with_timeout(1h, waits());
    task<> late = with_deadline(clock::now() + 1h, waits());
    co_await sleep_for(30min);
    bool timed_out = false;
    try {
      co_await std::move(late);
    } catch (const system_error& e) {
      timed_out = e.code() == asio::error::timed_out;
    }
    co_await std::move(in_time);
    co_return timed_out;
  };
  BOOST_TEST(virtually.run(main()));
}

BOOST_AUTO_TEST_CASE(an_endless_timeout_is_none) {
  auto value = []() -> task<int> {
    co_await sleep_for(1ms);
    co_return 1;
  };
  BOOST_TEST(run(with_timeout(std::chrono::hours::max(), value())) == 1);
  BOOST_TEST(run(with_deadline(clock::time_point::max(), value())) == 1);
}

BOOST_AUTO_TEST_CASE(work_that_ignores_the_deadline_delays_it) {
  BOOST_TEST(patiently([&](clock::duration d) {
    gate door(pool.get_executor());
    std::atomic<bool> begun{false};
    std::atomic<bool> over{false};
    auto late = [&]() -> task<int> {
      begun = true;
      co_await shield(waits_for(door));
      co_return 9;
    };
    const auto deadline = clock::now() + d;
    // Opens the door when the deadline has passed.
    std::thread opener([&] {
      std::this_thread::sleep_until(deadline + 2ms);
      block_until([&] { return door.arrivals() == 1 || over; });
      door.open();
    });
    int result = 0;
    try {
      result = run(with_deadline(deadline, late()));
    } catch (const system_error& e) {
      // Only if the deadline passed before the work began.
      BOOST_TEST(e.code() == asio::error::timed_out);
      BOOST_TEST(!begun);
    }
    over = true;
    opener.join();
    // The work returned its result after the deadline, so the result is
    // returned.
    BOOST_TEST(result == (begun ? 9 : 0));
    return begun.load();
  }));
}

BOOST_AUTO_TEST_CASE(an_error_that_answers_the_deadline_is_thrown) {
  bool begun = false;
  auto answers = [&]() -> task<> {
    begun = true;
    try {
      co_await sleep_for(1h);
    } catch (const system_error&) {
      throw std::runtime_error("rollback failed");
    }
  };
  BOOST_TEST(patiently([&](clock::duration d) {
    std::string text;
    try {
      run(with_timeout(d, answers()));
    } catch (const system_error& e) {
      BOOST_TEST(e.code() == asio::error::timed_out);
      BOOST_TEST(!begun);
    } catch (const std::runtime_error& e) {
      text = e.what();
    }
    BOOST_TEST(text == (begun ? "rollback failed" : ""));
    return begun;
  }));
}

BOOST_AUTO_TEST_CASE(deadline_and_end_may_race) {
  int in_time = 0;
  int late = 0;
  auto sleeps = []() -> task<> { co_await sleep_for(1ms); };
  auto main = [&]() -> task<> {
    for (int i = 0; (in_time < 5 || late < 5) && i != 400; ++i) {
      const auto slack = std::chrono::microseconds(100 * (i % 40));
      try {
        co_await with_timeout(slack, sleeps());
        ++in_time;
      } catch (const system_error& e) {
        late += e.code() == asio::error::timed_out;
      }
    }
  };
  run(main());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_with_timeout
