// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/co_spawn.hpp>
#include <weir/race.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/forms.hpp"
#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test::of_race {

BOOST_FIXTURE_TEST_SUITE(race, operations)

using boost::system::system_error;
using weir::race;

template <typename T>
task<T> gives(T value) {
  co_return std::move(value);
}

template <typename T>
task<T> never_gives(gate& never, std::atomic<int>& ended) {
  on_scope_exit count([&] { ++ended; });
  co_await never.wait();
  throw std::logic_error("the gate was opened");
}

template <typename T>
task<T> fails(const char* what) {
  throw std::runtime_error(what);
  co_return T();
}

BOOST_AUTO_TEST_CASE(the_first_success_wins_and_the_losers_end_first) {
  for (bool unwinds : {false, true})
    BOOST_TEST_CONTEXT("unwinds " << unwinds) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      int ended_outside = -1;
      auto wins = [&]() -> task<int> {
        co_await until([&] { return never.arrivals() == 2; });
        co_return 7;
      };
      auto main = [&]() -> task<indexed_value<int>> {
        auto result = co_await race(never_gives<int>(never, ended),
                                    wins(),
                                    never_gives<int>(never, ended));
        ended_outside = ended;
        co_return result;
      };
      const indexed_value<int> result = run(in_form(unwinds, main()));
      BOOST_TEST(result.index == 1u);
      BOOST_TEST(result.value == 7);
      BOOST_TEST(ended_outside == 2);
    }
}

BOOST_AUTO_TEST_CASE(different_types_give_a_variant) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  auto main = [&]() -> task<std::variant<int, std::string, std::monostate>> {
    co_return co_await race(never_gives<int>(never, ended),
                            gives(std::string("b")),
                            waits_for(never));
  };
  const auto result = run(main());
  BOOST_REQUIRE(result.index() == 1u);
  BOOST_TEST(std::get<1>(result) == "b");
}

BOOST_AUTO_TEST_CASE(operations_and_awaitables_may_race) {
  gate never(pool.get_executor());
  auto in_asio = [](gate& door) -> asio::awaitable<void> {
    co_await door.wait();
  };
  auto main = [&]() -> task<std::size_t> {
    auto result =
        co_await race(never.wait(),
                      in_asio(never),
                      sleep_for(std::chrono::milliseconds(1)),
                      [] { return sleep_for(std::chrono::hours(1)); });
    static_assert(
        std::is_same_v<decltype(result), indexed_value<std::monostate>>);
    co_return result.index;
  };
  BOOST_TEST(run(main()) == 2u);
}

BOOST_AUTO_TEST_CASE(a_range_gives_index_and_value) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  std::vector<task<std::unique_ptr<int>>> works;
  for (int i = 0; i != 5; ++i)
    works.push_back(i == 3 ? gives(std::make_unique<int>(i))
                           : never_gives<std::unique_ptr<int>>(never, ended));
  auto result = run(race(std::move(works)));
  BOOST_TEST(result.index == 3u);
  BOOST_TEST(*result.value == 3);
}

BOOST_AUTO_TEST_CASE(a_loser_that_ignores_its_cancellation_is_awaited) {
  gate door(pool.get_executor());
  std::atomic<bool> loser_ended{false};
  std::atomic<bool> won{false};
  bool ended_before = false;
  auto stubborn = [&]() -> task<int> {
    co_await shield(waits_for(door));
    loser_ended = true;
    co_return 1; // too late
  };
  auto wins = [&]() -> task<int> {
    co_await until([&] { return door.arrivals() == 1; });
    won = true;
    co_return 2;
  };
  auto main = [&]() -> task<std::size_t> {
    auto result = co_await race(stubborn(), wins());
    ended_before = loser_ended;
    co_return result.index;
  };
  auto helper = [&]() -> task<> {
    co_await until([&] { return won.load(); });
    door.open();
  };
  std::size_t winner = 9;
  auto both = [&]() -> task<> {
    task_group group(pool);
    co_await group.spawn(helper());
    winner = co_await main();
    co_await group.join();
  };
  run(both());
  BOOST_TEST(winner == 1u);
  BOOST_TEST(ended_before);
}

BOOST_AUTO_TEST_CASE(of_two_that_finish_at_once_either_wins_and_none_leaks) {
  bool seen[2] = {false, false};
  std::atomic<int> alive{0};
  int wrong = 0;
  auto enters = [&](std::atomic<int>& ready, int spins) -> task<counted> {
    ++ready;
    for (int round = 0; ready != 2 && round != 1'000'000; ++round)
      ;
    for (; spins > 0; --spins)
      (void)ready.load();
    co_return counted(alive);
  };
  auto main = [&]() -> task<> {
    for (int i = 0; i != 100'000 && !(seen[0] && seen[1]); ++i) {
      std::atomic<int> ready{0};
      auto result = co_await race(enters(ready, i % 7 * 40),
                                  enters(ready, (i / 7) % 7 * 40));
      seen[result.index] = true;
      if (alive != 1 || !result.value)
        ++wrong;
    }
  };
  run(main());
  BOOST_TEST(wrong == 0);
  BOOST_TEST(alive == 0);
  BOOST_TEST(seen[0]);
  BOOST_TEST(seen[1]);
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_cancels_all_and_waits_for_them) {
  for (bool unwinds : {false, true})
    BOOST_TEST_CONTEXT("unwinds " << unwinds) {
      gate never(pool.get_executor());
      std::atomic<int> ended{0};
      int at_the_end = -1;
      bool went_on = false;
      auto waits = [&]() -> task<> {
        on_scope_exit note([&] { at_the_end = ended; });
        // One that has failed does not hide the cancellation.
        (void)co_await race(never_gives<int>(never, ended),
                            fails<int>("early"),
                            never_gives<int>(never, ended));
        went_on = true;
      };
      auto main = [&]() -> task<> {
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          co_await group.spawn(in_form(unwinds, waits()));
          co_await until([&] { return never.arrivals() == 2; });
          group.cancel();
        });
      };
      run(main());
      BOOST_TEST(at_the_end == 2);
      BOOST_TEST(!went_on);
    }
}

BOOST_AUTO_TEST_CASE(nobody_to_race_is_an_invalid_argument) {
  BOOST_CHECK_EXCEPTION((void)race(std::vector<task<int>>()),
                        std::invalid_argument,
                        says("weir::race: the range has 0 tasks, must have at "
                             "least 1"));
  BOOST_CHECK_EXCEPTION((void)race(returns(), task<>()),
                        std::invalid_argument,
                        says("weir::race: the task is empty"));
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_nothing_is_left_behind) {
  std::atomic<int> ended{0};
  {
    weir::runtime brief(2);
    auto never = std::make_shared<gate>(brief.get_executor());
    auto main = [](std::shared_ptr<gate> door,
                   std::atomic<int>& count) -> task<> {
      (void)co_await race(never_gives<int>(*door, count),
                          fails<int>("early"),
                          never_gives<int>(*door, count));
    };
    weir::co_spawn(brief, main(never, ended), asio::detached);
    block_until([&] { return never->arrivals() == 2; });
    brief.stop();
    never.reset();
  }
  BOOST_TEST(ended == 2);
}

BOOST_AUTO_TEST_CASE(what_comes_behind_a_winner_is_not_begun) {
  constexpr int entrants = 200;
  bool saved_some = false;
  for (int round = 0; round != 20'000 && !saved_some; ++round) {
    std::atomic<int> begun{0};
    auto enters = [&](int n) -> task<int> {
      ++begun;
      co_return n;
    };
    std::vector<task<int>> all;
    for (int n = 0; n != entrants; ++n)
      all.push_back(enters(n));
    (void)run(race(std::move(all)));
    saved_some = begun < entrants;
  }
  BOOST_TEST(saved_some);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_race
