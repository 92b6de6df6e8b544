// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What race(), quorum() and first_completed() share, in virtual time: results
// that cannot be kept, and cancellations that come late.

#include <weir/first_completed.hpp>
#include <weir/group_error.hpp>
#include <weir/quorum.hpp>
#include <weir/race.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>

#include "support/says.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

namespace weir::test::of_contest {

namespace {

using namespace std::chrono_literals;

// Throws when it is moved for the last time that is allowed.
struct brittle {
  explicit brittle(int& moves) : left(&moves) {}
  brittle(brittle&& other) : left(other.left) {
    if (--*left == 0)
      throw std::runtime_error("moved once too often");
  }
  brittle& operator=(brittle&&) = default;
  int* left;
};

task<brittle> gives(int& moves) { co_return brittle(moves); }
task<brittle> gives_late(int& moves) {
  co_await sleep_for(2s);
  co_return brittle(moves);
}

// The message of the first error, and "late" if it took as long as a loser.
template <typename Make>
std::string ended_with(Make make) {
  testing::deterministic_runtime rt;
  std::string seen;
  auto main = [&]() -> task<> {
    const auto start = rt.now();
    try {
      (void)co_await make();
      seen = "a result";
    } catch (const group_error& e) {
      try {
        std::rethrow_exception(e.errors().front().error);
      } catch (const std::exception& first) {
        seen = first.what();
      }
    } catch (const std::exception& e) {
      seen = e.what();
    }
    if (rt.now() - start >= 2s)
      seen += ", late";
  };
  rt.run(main());
  return seen;
}

} // namespace

BOOST_AUTO_TEST_SUITE(contest)

// Which of the moves throws decides where it happens: all places are tried.
BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_kept_ends_it_with_its_error) {
  int failures = 0;
  for (int moves = 1; moves != 7; ++moves)
    BOOST_TEST_CONTEXT("move " << moves) {
      int left = moves;
      int others = 1000;
      const auto is_right = [&](const std::string& seen) {
        failures += seen == "moved once too often" ? 1 : 0;
        return seen == "moved once too often" || seen == "a result";
      };
      BOOST_TEST(is_right(ended_with([&] {
        return weir::first_completed(gives(left), gives_late(others));
      })));
      left = moves;
      std::string seen = ended_with(
          [&] { return weir::race(gives(left), gives_late(others)); });
      // Another entrant may win if the result was not yet the contest's.
      BOOST_TEST((is_right(seen) || seen == "a result, late"), seen);
      left = moves;
      seen = ended_with([&] {
        return weir::quorum(
            2, gives(left), gives_late(others), gives_late(others));
      });
      // Late, if it throws when all places are taken.
      BOOST_TEST((is_right(seen) || seen.ends_with(", late")), seen);
    }
  BOOST_TEST(failures > 3);
}

BOOST_AUTO_TEST_CASE(a_cancellation_after_the_decision_takes_no_result) {
  testing::deterministic_runtime rt;
  int result = 0;
  auto quick = []() -> task<int> {
    co_await sleep_for(20ms);
    co_return 7;
  };
  auto stubborn = []() -> task<int> {
    co_await shield(sleep_for(300ms));
    co_return 1;
  };
  auto races = [&]() -> task<> {
    result = (co_await weir::race(quick(), stubborn())).value;
  };
  auto main = [&]() -> task<> {
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(races());
      co_await sleep_for(100ms);
      group.cancel();
    };
    co_await with_task_group({}, body);
  };
  rt.run(main());
  BOOST_TEST(result == 7);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_contest
