// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// How a deterministic runtime must not end. Each case in a child process.

#include <weir/co_spawn.hpp>
#include <weir/sleep.hpp>
#include <weir/testing/deadlock.hpp>
#include <weir/testing/deterministic_runtime.hpp>

#include "support/death.hpp"

#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(testing_end)

using testing::deterministic_runtime;

task<> sleeps_for_long() { co_await sleep_for(std::chrono::hours(1)); }
task<> sleep_for_a_second() { co_await sleep_for(std::chrono::seconds(1)); }

BOOST_AUTO_TEST_CASE(destroyed_by_another_thread_it_ends_the_process) {
  const child_end end = run_in_child([] {
    auto runtime = std::make_unique<deterministic_runtime>();
    std::thread other([mine = std::move(runtime)]() mutable { mine.reset(); });
    other.join();
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST(end.printed.find("destroyed by another thread than made it") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(runtimes_may_be_destroyed_in_any_order) {
  auto first = std::make_unique<deterministic_runtime>();
  auto second = std::make_unique<deterministic_runtime>();
  first.reset();
  second->run(sleeps_for_long());
  BOOST_TEST((second->elapsed() == std::chrono::hours(1)));
}

// Throws when it is cancelled.
task<> breaks(bool is_standard) {
  try {
    co_await sleeps_for_long();
  } catch (const boost::system::system_error&) {
    if (is_standard)
      throw std::runtime_error("from a task");
    throw 1;
  }
}

BOOST_AUTO_TEST_CASE(a_destructor_says_why_it_gave_up) {
  for (bool is_standard : {true, false}) {
    const child_end end = run_in_child([&] {
      deterministic_runtime runtime;
      co_spawn(runtime.get_executor(), breaks(is_standard), asio::detached);
      runtime.run(sleep_for_a_second());
    });
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.printed.find(is_standard
                                    ? "gave up: from a task"
                                    : "gave up: something that is no "
                                      "std::exception") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_deadlock_knows_its_seed) {
  const testing::deadlock one(7, 3, std::chrono::seconds(2), "the tree");
  BOOST_TEST(one.seed() == 7u);
  BOOST_TEST(std::string(one.what()).find("step 3") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
