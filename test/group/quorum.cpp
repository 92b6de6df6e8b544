// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/group_error.hpp>
#include <weir/quorum.hpp>
#include <weir/task.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test::of_quorum {

BOOST_FIXTURE_TEST_SUITE(quorum, pool_fixture)

using weir::quorum;

// Moves only, has no default.
struct vote {
  explicit vote(int n) : number(std::make_unique<int>(n)) {}
  std::unique_ptr<int> number;
};

task<vote> votes_after(gate& door, int n) {
  co_await door.wait();
  co_return vote(n);
}

task<vote> fails_after(gate& door, const char* what) {
  co_await door.wait();
  throw std::runtime_error(what);
}

task<vote> never_votes(gate& never, std::atomic<int>& ended) {
  on_scope_exit count([&] { ++ended; });
  co_await never.wait();
  throw std::logic_error("the gate was opened");
}

BOOST_AUTO_TEST_CASE(the_first_k_come_in_the_order_in_which_they_ended) {
  // On one thread a task that has counted itself is counted by quorum() before
  // any other runs.
  weir::runtime one(1);
  gate first(one.get_executor());
  gate second(one.get_executor());
  gate never(one.get_executor());
  std::atomic<int> ended{0};
  std::atomic<int> voted{0};
  int ended_outside = -1;
  std::vector<indexed_value<vote>> winners;
  auto votes = [&](gate& door, int n) -> task<vote> {
    co_await door.wait();
    ++voted;
    co_return vote(n);
  };
  auto opens = [&]() -> task<> {
    co_await until([&] { return never.arrivals() == 2; });
    first.open();
    co_await until([&] { return voted == 1; });
    second.open();
  };
  auto main = [&]() -> task<> {
    task_group group(one);
    co_await group.spawn(opens());
    std::vector<task<vote>> works;
    works.push_back(never_votes(never, ended));
    works.push_back(votes(second, 1));
    works.push_back(never_votes(never, ended));
    works.push_back(votes(first, 3));
    winners = co_await quorum(2, std::move(works));
    ended_outside = ended;
    co_await group.join();
  };
  one.run(main());
  BOOST_REQUIRE(winners.size() == 2u);
  BOOST_TEST(winners[0].index == 3u);
  BOOST_TEST(*winners[0].value.number == 3);
  BOOST_TEST(winners[1].index == 1u);
  BOOST_TEST(ended_outside == 2);
}

BOOST_AUTO_TEST_CASE(all_of_them_can_be_wanted) {
  gate open(pool.get_executor());
  open.open();
  for (std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{50}}) {
    std::vector<task<vote>> works;
    for (std::size_t i = 0; i != n; ++i)
      works.push_back(votes_after(open, static_cast<int>(i)));
    auto winners = run(quorum(n, std::move(works)));
    BOOST_REQUIRE(winners.size() == n);
    std::vector<bool> seen(n);
    for (auto& winner : winners) {
      BOOST_TEST(*winner.value.number == static_cast<int>(winner.index));
      seen[winner.index] = true;
    }
    BOOST_TEST((seen == std::vector<bool>(n, true)));
  }
}

BOOST_AUTO_TEST_CASE(it_ends_as_soon_as_it_can_not_be_reached) {
  gate door(pool.get_executor());
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  std::string text;
  auto main = [&]() -> task<> {
    // Two of four: three failures are too many, even if others still run.
    (void)co_await quorum(2,
                          fails_after(door, "a"),
                          never_votes(never, ended),
                          fails_after(door, "c"),
                          fails_after(door, "d"));
  };
  auto opens = [&]() -> task<> {
    co_await until([&] { return never.arrivals() + door.arrivals() == 4; });
    door.open();
  };
  auto both = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(opens());
    try {
      co_await main();
    } catch (const group_error& e) {
      for (const auto& entry : e.errors())
        text += std::to_string(entry.index) + text_of(entry.error) + " ";
    }
    co_await group.join();
  };
  run(both());
  BOOST_TEST(text == "0a 2c 3d ");
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(an_abandoned_task_has_failed) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  auto main = [&]() -> task<> {
    (void)co_await quorum(2, is_abandoned(), never_votes(never, ended));
  };
  BOOST_CHECK_THROW(run(main()), group_error);
}

BOOST_AUTO_TEST_CASE(failures_that_leave_enough_are_forgotten) {
  gate open(pool.get_executor());
  open.open();
  auto winners = run(quorum(
      2, votes_after(open, 0), fails_after(open, "one"), votes_after(open, 2)));
  BOOST_TEST(winners.size() == 2u);
}

BOOST_AUTO_TEST_CASE(different_types_give_variants) {
  gate open(pool.get_executor());
  open.open();
  auto text = []() -> task<std::string> { co_return "text"; };
  std::vector<std::variant<vote, std::string, std::monostate>> winners =
      run(quorum(3, votes_after(open, 5), text(), returns()));
  BOOST_REQUIRE(winners.size() == 3u);
  std::size_t positions = 0;
  for (auto& winner : winners)
    positions += std::size_t{1} << winner.index();
  BOOST_TEST(positions == 7u);
}

BOOST_AUTO_TEST_CASE(never_more_than_k_come_however_many_finish_at_once) {
  auto votes = [](int n) -> task<int> { co_return n; };
  int wrong = 0;
  for (int round = 0; round != 2000; ++round) {
    std::vector<task<int>> works;
    for (int i = 0; i != 6; ++i)
      works.push_back(votes(i));
    auto winners = run(quorum(3, std::move(works)));
    if (winners.size() != 3)
      ++wrong;
    for (auto& winner : winners)
      if (winner.value != static_cast<int>(winner.index))
        ++wrong;
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_cancels_all_and_waits_for_them) {
  gate never(pool.get_executor());
  gate open(pool.get_executor());
  open.open();
  std::atomic<int> ended{0};
  int at_the_end = -1;
  auto waits = [&]() -> task<> {
    on_scope_exit note([&] { at_the_end = ended; });
    (void)co_await quorum(2,
                          never_votes(never, ended),
                          votes_after(open, 1),
                          never_votes(never, ended));
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(waits());
      co_await until([&] { return never.arrivals() == 2; });
      group.cancel();
    });
  };
  run(main());
  BOOST_TEST(at_the_end == 2);
}

BOOST_AUTO_TEST_CASE(an_impossible_k_is_an_invalid_argument) {
  std::atomic<int> calls{0};
  BOOST_CHECK_EXCEPTION((void)quorum(0, counts(calls)),
                        std::invalid_argument,
                        says("weir::quorum: k is 0, must be at least 1"));
  BOOST_CHECK_EXCEPTION((void)quorum(3, counts(calls), counts(calls)),
                        std::invalid_argument,
                        says("weir::quorum: k is 3, must be at most 2"));
  BOOST_CHECK_EXCEPTION((void)quorum(1, std::vector<task<>>()),
                        std::invalid_argument,
                        says("weir::quorum: k is 1, must be at most 0"));
  BOOST_CHECK_EXCEPTION((void)quorum(1, task<>()),
                        std::invalid_argument,
                        says("weir::quorum: the task is empty"));
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_quorum
