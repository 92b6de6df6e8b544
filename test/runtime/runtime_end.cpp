// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Destroying a runtime with tasks alive.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/finally.hpp>
#include <weir/race.hpp>
#include <weir/result_group.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/when_all.hpp>
#include <weir/with_result_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_work_queue.hpp>
#include <weir/work_queue.hpp>

#include "support/counted.hpp"
#include "support/ending.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(runtime_end, ending)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(destruction_cancels_every_root_task_and_waits_for_it) {
  park();
  std::atomic<bool> aborted{false};
  auto sees = [&]() -> task<> {
    mark m(*this);
    try {
      co_await m.never->wait();
    } catch (const system_error& e) {
      aborted = e.code() == asio::error::operation_aborted;
      throw;
    }
  };
  start(sees());
  block_until([&] { return begun == kinds + 1; });
  end();
  BOOST_TEST(ended == kinds + 1);
  BOOST_TEST(alive == 0);
  BOOST_TEST(went_on == 0);
  BOOST_TEST(unhandled == 0); // a cancelled task has not failed
}

BOOST_AUTO_TEST_CASE(destruction_waits_for_clean_up) {
  std::atomic<bool> cleaned{false};
  auto cleanup = [&]() -> task<> {
    co_await sleep_for(std::chrono::milliseconds(2));
    cleaned = true;
  };
  auto work = [&]() -> task<> { co_await finally(in_gate(), cleanup); };
  start(work());
  block_until([&] { return never->arrivals() == 1; });
  end();
  BOOST_TEST(cleaned);
}

// Each kind of group that a task can make, with a child that waits.
task<> in_all_groups(gate& door, std::atomic<int>& done) {
  const auto in_group = [&](task_group& group) -> task<> {
    co_await group.spawn(waits_and_counts(door, done));
  };
  const auto in_results = [&](result_group<int>& group) -> task<> {
    co_await group.spawn([&]() -> task<int> {
      co_await door.wait();
      co_return ++done;
    });
  };
  const auto works = [&](int) -> task<> {
    co_await door.wait();
    ++done;
  };
  const auto in_queue = [](work_queue<int>& queue) -> task<> {
    co_await queue.push(1);
  };
  const auto in_race = [&]() -> task<> {
    co_await race(waits_for(door));
    ++done;
  };
  co_await when_all(with_task_group({}, in_group),
                    with_result_group<int>({}, in_results),
                    with_work_queue<int>({}, works, in_queue),
                    in_race());
}

BOOST_AUTO_TEST_CASE(destruction_leaves_groups_behind_a_shield_alone) {
  std::atomic<int> done{0};
  std::atomic<bool> is_whole{false};
  auto door = std::make_shared<gate>(pool->get_executor());
  // The gate is destroyed with the frames, before the runtime.
  auto protects = [&](std::shared_ptr<gate> kept) -> task<> {
    co_await shield(in_all_groups(*kept, done));
    is_whole = true;
  };
  gate& opened = *door;
  start(protects(std::move(door)));
  block_until([&] { return opened.arrivals() == 4; });
  // A bare group is cancelled in spite of a shield, and groups are cancelled in
  // the order in which they were made: when this task opens the door, the other
  // groups would already be cancelled.
  auto opens_it = [&]() -> task<> { co_await opens(opened); };
  auto child = [&]() -> task<> { co_await finally(in_gate(), opens_it); };
  auto last = [&]() -> task<> {
    task_group bare(*pool);
    co_await bare.spawn(child);
    co_await bare.join();
  };
  auto hides = [&]() -> task<> { co_await shield(last()); };
  start(hides());
  block_until([&] { return never->arrivals() == 1; });
  end();
  BOOST_TEST(done == 4);
  BOOST_TEST(is_whole);
  BOOST_TEST(unhandled == 0);
}

BOOST_AUTO_TEST_CASE(destruction_cancels_a_group_whose_body_waits_shielded) {
  auto waits = [&]() -> task<> {
    mark m(*this);
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(waits_for(*m.never));
      auto all = [&]() -> task<> { co_await group.wait_idle(); };
      co_await shield(all());
    });
  };
  start(waits());
  block_until([&] { return never->arrivals() == 1; });
  end();
  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_CASE(destruction_ends_tasks_that_were_not_started_yet) {
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> frames{0};
    auto child = [](counted) -> task<> { co_await checkpoint(); };
    {
      runtime brief(1);
      for (int i = 0; i != 20; ++i)
        weir::co_spawn(brief, child(counted(frames)), asio::detached);
    }
    BOOST_REQUIRE(frames == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_run_is_aborted_by_the_destruction) {
  std::promise<error_code> result;
  std::thread runs([&] {
    try {
      pool->run(in_gate());
      result.set_value({});
    } catch (const system_error& e) {
      result.set_value(e.code());
    }
  });
  block_until([&] { return never->arrivals() == 1; });
  end();
  BOOST_TEST(result.get_future().get() == asio::error::operation_aborted);
  runs.join();
}

BOOST_AUTO_TEST_CASE(results_of_cancelled_tasks_are_delivered) {
  auto result = weir::co_spawn(*pool, in_gate(), asio::use_future);
  block_until([&] { return never->arrivals() == 1; });
  end();
  BOOST_CHECK_EXCEPTION(
      result.get(), system_error, has_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(a_task_that_stops_the_runtime_ends_the_wait) {
  auto stops = [&]() -> task<> {
    mark m(*this);
    const auto result = co_await m.never->wait(asio::as_tuple(asio::deferred));
    (void)result;
    pool->stop();
    co_await m.never->wait(); // the task is abandoned
    ++went_on;
  };
  start(shield(in_gate()));
  start(stops());
  block_until([&] { return never->arrivals() == 2; });
  end();
  BOOST_TEST(ended == 2);
  BOOST_TEST(alive == 0);
  BOOST_TEST(went_on == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
