// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Tests the code that ends a test program which hangs or crashes, and what a
// case may rely on in the child processes that it starts.

#include "support/death.hpp"
#include "support/watchdog.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(guards)

bool says_of(const child_end& end, const std::string& text) {
  const std::string name =
      boost::unit_test::framework::current_test_case().full_name();
  return end.printed.find(name + ": " + text) != std::string::npos;
}

BOOST_AUTO_TEST_CASE(a_hang_ends_the_process_with_the_name_of_the_case) {
  const child_end end = run_in_child([] {
    watchdog dog{std::chrono::seconds(1)};
    for (;;)
      std::this_thread::sleep_for(std::chrono::seconds(1));
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed)
  BOOST_TEST(says_of(end, "not finished after 1 s"));
}

BOOST_AUTO_TEST_CASE(an_abort_on_any_thread_ends_the_process_with_that_name) {
  for (bool on_another : {false, true}) {
    const child_end end = run_in_child([&] {
      if (!on_another)
        std::abort();
      std::thread([] { std::abort(); }).join();
    });
    BOOST_TEST(end.signal == SIGABRT);
    BOOST_TEST_CONTEXT("printed: " << end.printed)
    BOOST_TEST(says_of(end, "crashed here"));
  }
}

int cases_begun = 0; // by this process

BOOST_AUTO_TEST_CASE(this_case_has_run_in_the_process_of_the_next) {
  ++cases_begun;
}

BOOST_AUTO_TEST_CASE(a_child_has_nothing_of_what_ran_before) {
  ++cases_begun;
  const child_end end = run_in_child([] { std::_Exit(cases_begun); });
  BOOST_TEST(end.signal == 0);
  BOOST_TEST(end.status == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
