// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Results of children in the order in which they end, under every schedule:
// each is taken once.

#include <weir/completion_group.hpp>
#include <weir/result.hpp>
#include <weir/result_group.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace weir::test::of_result {

namespace {

task<int> gives(int value) { co_return value; }

// Two children end on two threads while a task takes what they return; the
// second keeps its slot until the first result is taken. With `cancels`, their
// group is cancelled meanwhile.
template <bool cancels>
class take_as_completed {
public:
  static constexpr std::size_t threads = 2;

  take_as_completed() {
    start_child(takers_, take_all(group_, seen_));
    run_one();
    join_.start();
  }
  void run(std::size_t thread) {
    if (cancels && thread == 1)
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() {
    const std::string error = result_of(join_);
    if (!error.empty())
      return error;
    if (cancels) // Children that began end by themselves.
      std::sort(seen_.begin(), seen_.end());
    return seen_;
  }

private:
  static task<> take_all(completion_group<int>& group, std::string& seen) {
    task<int> first = gives(1);
    task<int> second = gives(2);
    co_await group.spawn(std::move(first));
    co_await group.spawn(std::move(second));
    group.close();
    for (;;) {
      const std::optional<completed<int>> next = co_await group.next();
      if (!next)
        break;
      seen += next->result ? std::to_string(*next->result) : "e";
    }
    co_await group.join();
  }

  completion_group<int> group_{engine_executor(), {.max_unconsumed = 1}};
  std::string seen_;
  task_group takers_{engine_executor()};
  joining join_{core_of(takers_)};
};

// Two children end on two threads; the joiner gets all that they return, in
// order.
class take_when_joined {
public:
  static constexpr std::size_t threads = 2;

  take_when_joined() {
    start_child(takers_, take_all(group_, seen_));
    run_one();
    join_.start();
  }
  void run(std::size_t) { work_until(join_.done); }
  std::string outcome() {
    const std::string error = result_of(join_);
    return error.empty() ? seen_ : error;
  }

private:
  static task<> take_all(result_group<int>& group, std::string& seen) {
    task<int> first = gives(1);
    task<int> second = gives(2);
    co_await group.spawn(std::move(first));
    co_await group.spawn(std::move(second));
    const std::vector<result<int>> all = co_await group.join();
    for (const result<int>& each : all)
      seen += each ? std::to_string(*each) : "e";
  }

  result_group<int> group_{engine_executor()};
  std::string seen_;
  task_group takers_{engine_executor()};
  joining join_{core_of(takers_)};
};

} // namespace

BOOST_AUTO_TEST_SUITE(result_schedules)

BOOST_AUTO_TEST_CASE(results_come_once_in_the_order_of_the_ends) {
  expect_outcomes<take_as_completed<false>>(2, {"12", "21"});
}

BOOST_AUTO_TEST_CASE(results_of_a_cancelled_group_are_those_that_began) {
  // Both children are in the queue, and the canceller runs before them: the
  // second child does not begin without the first.
  expect_outcomes<take_as_completed<true>>(2, {"12", "1", ""});
}

BOOST_AUTO_TEST_CASE(results_of_all_are_there_when_joined) {
  expect_outcomes<take_when_joined>(2, {"12"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_result
