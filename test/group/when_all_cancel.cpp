// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/result_group.hpp> // Goes together with when_all.
#include <weir/shield.hpp>
#include <weir/task.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/forms.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test::of_when_all_cancel {

BOOST_FIXTURE_TEST_SUITE(when_all_cancel, pool_fixture)

using boost::system::system_error;
using weir::when_all;

template <typename T>
task<T> gives(T value) {
  co_await checkpoint();
  co_return std::move(value);
}

// Both forms of a cancelled await, by `wrap`, for tasks of any type.
template <typename Body>
void in_both_forms(Body body) {
  for (bool unwinds : {false, true})
    BOOST_TEST_CONTEXT("unwinds " << unwinds) { body(unwinds); }
}

BOOST_AUTO_TEST_CASE(the_first_error_cancels_the_rest_which_end_first) {
  in_both_forms([&](bool unwinds) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    int ended_outside = -1;
    auto fails_late = [&]() -> task<> {
      co_await until([&] { return never.arrivals() == 2; });
      throw std::runtime_error("boom");
    };
    auto main = [&]() -> task<> {
      try {
        (void)co_await when_all(waits_and_counts(never, ended),
                                fails_late(),
                                waits_and_counts(never, ended));
      } catch (const std::runtime_error&) {
        ended_outside = ended;
        throw;
      }
    };
    BOOST_CHECK_EXCEPTION(
        run(in_form(unwinds, main())), std::runtime_error, says("boom"));
    BOOST_TEST(ended_outside == 2);
  });
}

BOOST_AUTO_TEST_CASE(in_a_range_too_the_first_error_counts) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  std::vector<task<>> works;
  works.push_back(waits_and_counts(never, ended));
  works.push_back(fails_with("boom"));
  BOOST_CHECK_EXCEPTION(
      run(when_all(std::move(works))), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_cancels_all_and_waits_for_them) {
  in_both_forms([&](bool unwinds) {
    gate never(pool.get_executor());
    gate door(pool.get_executor());
    std::atomic<int> ended{0};
    int at_the_end = -1;
    bool went_on = false;
    // Ignores its cancellation.
    auto stubborn = [&]() -> task<int> {
      on_scope_exit count([&] { ++ended; });
      co_await shield(waits_for(door));
      co_return 1;
    };
    auto waits = [&]() -> task<> {
      on_scope_exit note([&] { at_the_end = ended; });
      (void)co_await when_all(stubborn(), waits_and_counts(never, ended));
      went_on = true;
    };
    auto main = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        co_await group.spawn(in_form(unwinds, waits()));
        co_await until([&] { return never.arrivals() + door.arrivals() == 2; });
        group.cancel();
        co_await shield(until([&] { return ended == 1; }));
        door.open();
      });
    };
    run(main());
    BOOST_TEST(at_the_end == 2);
    BOOST_TEST(!went_on);
  });
}

BOOST_AUTO_TEST_CASE(in_a_cancelled_task_nothing_starts) {
  std::atomic<int> calls{0};
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      group.cancel();
      (void)co_await when_all(counts(calls), counts(calls));
    });
  };
  run(main());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_it) {
  gate never(pool.get_executor());
  auto main = [&]() -> task<> {
    (void)co_await with_timeout(std::chrono::milliseconds(5),
                                when_all(waits_for(never), gives(1)));
  };
  BOOST_CHECK_EXCEPTION(
      run(main()), system_error, has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_nothing_is_left_behind) {
  std::atomic<int> ended{0};
  std::atomic<int> went_on{0};
  {
    weir::runtime brief(2);
    auto never = std::make_shared<gate>(brief.get_executor());
    auto main = [](std::shared_ptr<gate> door,
                   std::atomic<int>& count,
                   std::atomic<int>& after) -> task<> {
      (void)co_await when_all(waits_and_counts(*door, count),
                              waits_and_counts(*door, count));
      ++after;
    };
    weir::co_spawn(brief, main(never, ended, went_on), asio::detached);
    block_until([&] { return never->arrivals() == 2; });
    brief.stop();
    never.reset();
  }
  BOOST_TEST(ended == 2);
  BOOST_TEST(went_on == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_when_all_cancel
