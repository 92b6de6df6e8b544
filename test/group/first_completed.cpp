// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/error.hpp>
#include <weir/first_completed.hpp>
#include <weir/race.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test::of_first_completed {

BOOST_FIXTURE_TEST_SUITE(first_completed, operations)

using boost::system::system_error;
using weir::first_completed;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

task<int> gives_seven() { co_return 7; }

task<int> breaks() {
  throw std::runtime_error("broken");
  co_return 0;
}

task<int> waits_for_int(gate& g, std::atomic<int>& ended) {
  on_scope_exit count([&] { ++ended; });
  co_await g.wait();
  co_return 1;
}

BOOST_AUTO_TEST_CASE(an_error_ends_it_while_others_wait) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  BOOST_CHECK_EXCEPTION(
      run(first_completed(waits_for_int(never, ended), breaks())),
      std::runtime_error,
      says("broken"));
  // A task that was cancelled before it began does not count in `ended`.
  BOOST_TEST(ended == static_cast<int>(never.arrivals()));
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_away_ends_a_wait_for_a_stop) {
  gate open(pool.get_executor());
  task_group group(pool);
  auto reads = [&]() -> task<> {
    co_await open.wait();
    throw system_error(asio::error::eof);
  };
  auto main = [&]() -> task<> {
    (void)co_await first_completed(reads(), group.wait_stopping());
  };
  open.open();
  BOOST_CHECK_EXCEPTION(run(main()), system_error, has_code(asio::error::eof));
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(a_result_ends_it_too) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  const indexed_value<int> got =
      run(first_completed(waits_for_int(never, ended), gives_seven()));
  BOOST_TEST(got.index == 1u);
  BOOST_TEST(got.value == 7);
}

BOOST_AUTO_TEST_CASE(results_of_several_types_are_a_variant) {
  gate never(pool.get_executor());
  auto main = [&]() -> task<std::size_t> {
    auto got = co_await first_completed(
        gives_seven(), never.wait(), sleep_for(std::chrono::hours(1)));
    static_assert(
        std::is_same_v<decltype(got),
                       std::variant<int, std::monostate, std::monostate>>);
    co_return got.index();
  };
  BOOST_TEST(run(main()) == 0u);
}

BOOST_AUTO_TEST_CASE(what_comes_later_is_dropped) {
  testing::deterministic_runtime here;
  auto later = [](bool fails) -> task<int> {
    auto sleeps = []() -> task<> {
      co_await sleep_for(std::chrono::seconds(2));
    };
    co_await shield(sleeps());
    if (fails)
      throw std::runtime_error("too late");
    co_return 2;
  };
  auto soon = [](bool fails) -> task<int> {
    co_await sleep_for(std::chrono::seconds(1));
    if (fails)
      throw std::runtime_error("soon");
    co_return 1;
  };
  BOOST_TEST(here.run(first_completed(later(true), soon(false))).value == 1);
  BOOST_TEST((here.elapsed() == std::chrono::seconds(2)));
  BOOST_CHECK_EXCEPTION(here.run(first_completed(later(false), soon(true))),
                        std::runtime_error,
                        says("soon"));
}

BOOST_AUTO_TEST_CASE(an_abort_that_nobody_asked_for_ends_it) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  auto aborts = []() -> task<int> {
    throw system_error(asio::error::operation_aborted);
    co_return 0;
  };
  BOOST_CHECK_EXCEPTION(
      run(first_completed(aborts(), waits_for_int(never, ended))),
      system_error,
      has_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(a_cancellation_cancels_all) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    std::atomic<bool> went_on{false};
    auto waits = [&]() -> task<> {
      (void)co_await first_completed(waits_for_int(never, ended),
                                     waits_for_int(never, ended));
      went_on = true;
    };
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(waits));
    block_until([&] { return never.arrivals() == 2; });
    group.cancel();
    wait(group.join());
    BOOST_TEST(ended == 2);
    BOOST_TEST(!went_on);
    BOOST_TEST(group.stats().cancelled == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_range_of_tasks_may_be_given) {
  std::vector<task<int>> works;
  works.push_back(breaks());
  BOOST_CHECK_EXCEPTION(run(first_completed(std::move(works))),
                        std::runtime_error,
                        says("broken"));
  BOOST_CHECK_THROW((void)first_completed(std::vector<task<int>>()),
                    std::invalid_argument);
  BOOST_CHECK_THROW((void)first_completed(task<int>()), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_first_completed
