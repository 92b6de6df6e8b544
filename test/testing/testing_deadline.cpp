// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What happens at exactly the time at which a group's deadline is due.

#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>

#include "support/deterministic.hpp"
#include "support/says.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <set>
#include <string>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(testing_deadline, watched)

using boost::system::system_error;
using namespace std::chrono_literals;

namespace of_testing_deadline {

task<> sleep_for_one_second() { co_await sleep_for(1s); }

// "timed out after 2 s"; seconds of virtual time.
template <typename Work>
std::string end_of(deterministic_runtime& runtime, Work work) {
  std::string end = "well";
  try {
    runtime.run(work());
  } catch (const system_error& e) {
    end = e.code() == asio::error::timed_out ? "timed out" : "wrong";
  }
  return end + " after " + std::to_string(runtime.elapsed() / 1s) + " s";
}

} // namespace of_testing_deadline
using namespace of_testing_deadline;

BOOST_AUTO_TEST_CASE(moved_when_it_is_due_it_comes_then_or_later) {
  const auto seen = outcomes(300, [](deterministic_runtime& runtime) {
    return end_of(runtime, [&]() -> task<> {
      task_group group(runtime.get_executor());
      auto moves = [&]() -> task<> {
        co_await sleep_for(1s);
        group.cancel_after(1s);
        co_await sleep_for(1h);
      };
      group.cancel_after(1s);
      co_await group.spawn(moves);
      co_await group.join();
    });
  });
  BOOST_TEST((seen == std::set<std::string>{"timed out after 1 s",
                                            "timed out after 2 s"}));
}

BOOST_AUTO_TEST_CASE(a_group_that_ends_when_it_is_due_ends_well_or_late) {
  const auto seen = outcomes(300, [](deterministic_runtime& runtime) {
    return end_of(runtime, [&]() -> task<> {
      task_group group(runtime.get_executor());
      group.cancel_after(1s);
      co_await group.spawn(sleep_for_one_second());
      co_await group.join();
      co_await sleep_for(1s); // The timer has released the group by then.
    });
  });
  BOOST_TEST(
      (seen == std::set<std::string>{"well after 2 s", "timed out after 1 s"}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
