// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/deterministic.hpp"
#include "support/says.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(testing_time, watched)

using boost::system::system_error;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(retries_with_backoff_take_no_time) {
  int calls = 0;
  auto fetch = [&]() -> task<int> {
    if (++calls < 10)
      throw std::runtime_error("503");
    co_return 42;
  };
  auto retries = [&]() -> task<int> {
    for (;;) {
      try {
        co_return co_await fetch();
      } catch (const std::runtime_error&) {
      }
      co_await sleep_for(30s);
    }
  };
  deterministic_runtime runtime;

  BOOST_TEST(runtime.run(retries()) == 42);
  BOOST_TEST(calls == 10);
  BOOST_TEST((runtime.elapsed() == 270s));
}

BOOST_AUTO_TEST_CASE(the_clock_is_virtual_while_there_is_a_runtime) {
  const auto real = clock::now();
  BOOST_TEST((real >= std::chrono::steady_clock::now() - 1min));
  {
    deterministic_runtime one;
    const auto begin = one.now();
    auto sleeps = []() -> task<> { co_await sleep_for(1h); };
    one.run(sleeps());
    BOOST_TEST((clock::now() - begin == 1h));
    auto other = std::make_unique<deterministic_runtime>();
    BOOST_TEST((clock::now() == begin));
    one.run(sleeps());
    BOOST_TEST((one.now() - begin == 2h));
    BOOST_TEST((clock::now() == begin));
    other.reset();
    BOOST_TEST((clock::now() - begin == 2h));
  }
  const auto later = clock::now();
  BOOST_TEST((later >= real));
  BOOST_TEST((later <= std::chrono::steady_clock::now()));
}

BOOST_AUTO_TEST_CASE(now_is_the_clock_s) {
  deterministic_runtime runtime;
  const auto begin = runtime.now();
  bool same = true;
  auto looks = [&]() -> task<> {
    same = same && clock::now() == runtime.now();
    co_await sleep_until(clock::now() + 5h);
    same = same && clock::now() == runtime.now();
    co_await sleep_until(begin); // in the past
  };
  runtime.run(looks());

  BOOST_TEST(same);
  BOOST_TEST((runtime.now() - begin == 5h));
  BOOST_TEST((runtime.elapsed() == 5h));
  BOOST_TEST((deterministic_runtime().now() == begin));
}

BOOST_AUTO_TEST_CASE(sleepers_wake_in_the_order_of_their_deadlines) {
  for (std::uint64_t seed = 1; seed != 50; ++seed) {
    std::string order;
    auto sleeps = [&](std::chrono::milliseconds d) -> task<> {
      const auto deadline = clock::now() + d;
      co_await sleep_for(d);
      order += std::to_string(d / 1h) + ' ';
      if (clock::now() != deadline)
        order += "late ";
    };
    auto body = [&](task_group& group) -> task<> {
      for (const auto d : {300h, 7h, 200000h, 1h, 60h})
        co_await group.spawn(sleeps(d));
    };
    deterministic_runtime runtime({.seed = seed});
    runtime.run(with_task_group({}, body));
    BOOST_TEST(order == "1 7 60 300 200000 ");
  }
}

BOOST_AUTO_TEST_CASE(sleeps_are_rounded_up_to_the_tick) {
  deterministic_runtime runtime;
  auto sleeps = []() -> task<> { co_await sleep_for(1ns); };
  runtime.run(sleeps());
  BOOST_TEST((runtime.elapsed() == 250us));
  auto sleeps_longer = []() -> task<> { co_await sleep_for(1ms + 1ns); };
  runtime.run(sleeps_longer());
  BOOST_TEST((runtime.elapsed() == 1500us));
}

BOOST_AUTO_TEST_CASE(equal_deadlines_come_in_any_order) {
  const auto seen = outcomes(100, [](deterministic_runtime& runtime) {
    std::string order;
    auto sleeps = [&](char letter) -> task<> {
      co_await sleep_for(1h);
      order += letter;
    };
    auto body = [&](task_group& group) -> task<> {
      for (const char letter : {'a', 'b', 'c'})
        co_await group.spawn(sleeps(letter));
    };
    runtime.run(with_task_group({}, body));
    return order;
  });
  BOOST_TEST(seen.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_timeout_that_ties_with_the_work_goes_either_way) {
  const auto seen = outcomes(100, [](deterministic_runtime& runtime) {
    auto work = []() -> task<std::string> {
      co_await sleep_for(30s);
      co_return "done";
    };
    try {
      return runtime.run(with_timeout(30s, work()));
    } catch (const system_error& e) {
      return e.code() == asio::error::timed_out ? std::string("timed out")
                                                : e.code().message();
    }
  });
  BOOST_TEST((seen == std::set<std::string>{"done", "timed out"}));
}

BOOST_AUTO_TEST_CASE(a_timeout_comes_in_time) {
  const auto seen = outcomes(20, [](deterministic_runtime& runtime) {
    auto work = []() -> task<> {
      co_await sleep_until(clock::time_point::max());
    };
    BOOST_CHECK_EXCEPTION(runtime.run(with_timeout(30s, work())),
                          system_error,
                          has_code(asio::error::timed_out));
    return std::to_string(runtime.elapsed() / 1s);
  });
  BOOST_TEST((seen == std::set<std::string>{"30"}));
}

BOOST_AUTO_TEST_CASE(a_group_s_deadline_is_virtual) {
  deterministic_runtime runtime;
  auto sleeps = []() -> task<> { co_await sleep_for(1h); };
  auto body = [&](task_group& group) -> task<> {
    group.cancel_after(10min);
    co_await group.spawn(sleeps);
  };
  BOOST_CHECK_EXCEPTION(runtime.run(with_task_group({}, body)),
                        system_error,
                        has_code(asio::error::timed_out));
  BOOST_TEST((runtime.elapsed() == 10min));
}

BOOST_AUTO_TEST_CASE(shutdown_s_times_are_virtual) {
  deterministic_runtime runtime;
  std::string seen;
  auto stubborn = [&](task_group& group) -> task<> {
    co_await group.wait_stopping();
    seen = std::to_string(runtime.elapsed() / 1s);
    co_await sleep_for(1h);
  };
  auto main = [&]() -> task<> {
    task_group group(runtime.get_executor());
    co_await group.spawn(stubborn(group));
    co_await group.shutdown({.drain = 20s, .soft = 30s});
  };
  BOOST_CHECK_EXCEPTION(
      runtime.run(main()), system_error, has_code(asio::error::timed_out));
  BOOST_TEST(seen == "20");
  BOOST_TEST((runtime.elapsed() == 50s));
}

BOOST_AUTO_TEST_CASE(a_sleep_in_an_awaitable_is_in_real_time) {
  deterministic_runtime runtime;
  auto sleeps = []() -> asio::awaitable<int> {
    co_await sleep_for(2ms);
    co_return 3;
  };
  auto main = [&]() -> task<int> { co_return co_await sleeps(); };

  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(runtime.run(main()) == 3);
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 2ms));
  BOOST_TEST((runtime.elapsed() == 0s));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
