// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/group_error.hpp>
#include <weir/named.hpp>
#include <weir/race.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test::of_race_error {

BOOST_FIXTURE_TEST_SUITE(race_error, operations)

using boost::system::system_error;
using weir::race;

template <typename T>
task<T> fails(const char* what) {
  throw std::runtime_error(what);
  co_return T();
}

BOOST_AUTO_TEST_CASE(an_error_does_not_end_it_while_others_run) {
  gate door(pool.get_executor());
  auto wins = [&]() -> task<int> {
    co_await door.wait();
    co_return 1;
  };
  auto opens_late = [&]() -> task<int> {
    co_await until([&] { return door.arrivals() == 1; });
    door.open();
    throw std::runtime_error("mine");
  };
  auto result = run(race(fails<int>("first"), opens_late(), wins()));
  BOOST_TEST(result.index == 2u);
}

BOOST_AUTO_TEST_CASE(when_all_fail_their_errors_stand_by_position) {
  gate door(pool.get_executor());
  auto fails_last = [&]() -> task<int> {
    co_await door.wait();
    throw std::runtime_error("a");
  };
  auto opens_then_fails = [&]() -> task<int> {
    door.open();
    throw std::runtime_error("c");
    co_return 0;
  };
  std::exception_ptr error;
  std::vector<std::uint64_t> order;
  std::string text;
  try {
    (void)run(
        race(named("slow", fails_last()), fails<int>("b"), opens_then_fails()));
  } catch (const group_error& e) {
    for (const auto& entry : e.errors()) {
      order.push_back(entry.index);
      text += entry.name + ":" + text_of(entry.error) + " ";
    }
    BOOST_TEST(e.failed() == 3u);
  }
  BOOST_TEST((order == std::vector<std::uint64_t>{0, 1, 2}));
  BOOST_TEST(text == "slow:a :b :c ");
}

BOOST_AUTO_TEST_CASE(an_abort_of_its_own_making_is_a_failure) {
  auto aborts = []() -> task<int> {
    throw system_error(asio::error::operation_aborted);
    co_return 0;
  };
  std::vector<boost::system::error_code> codes;
  try {
    (void)run(race(aborts()));
  } catch (const group_error& e) {
    for (const auto& entry : e.errors())
      codes.push_back(code_of(entry.error));
  }
  BOOST_REQUIRE(codes.size() == 1u);
  BOOST_TEST(codes[0] == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(an_entrant_that_is_dropped_has_failed) {
  std::string text;
  auto dropped = [&]() -> task<> { co_await drops_its_handler(how::inline_); };
  try {
    (void)run(race(fails<int>("a"), dropped()));
  } catch (const group_error& e) {
    for (const auto& entry : e.errors())
      text += std::to_string(entry.index) + text_of(entry.error) + " ";
  }
  BOOST_TEST(text.find("0a") == 0u);
  BOOST_TEST(text.find("1the task was destroyed") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_race_error
