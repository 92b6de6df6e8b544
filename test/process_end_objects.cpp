// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Objects destroyed while somebody waits on them end the process, with a
// message. Each case does so in a child process.

#include <weir/completion_group.hpp>
#include <weir/runtime.hpp>

#include "support/death.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(process_end_objects)

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_CASE(a_completion_group_destroyed_while_next_waits_terminates) {
  const auto end = run_in_child([] {
    weir::runtime pool(1);
    std::optional<completion_group<int>> group(std::in_place, pool);
    auto waiting = group->next()(asio::use_future);
    group.reset();
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST_CONTEXT("printed: " << end.printed) {
    BOOST_TEST(contains(end.printed, "completion_group"));
    BOOST_TEST(contains(end.printed, "next()"));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
