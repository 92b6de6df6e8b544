// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/with_work_queue.hpp>
#include <weir/work_queue.hpp>

#include "support/gate.hpp"
#include "support/high_water.hpp"
#include "support/journal.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::of_work_queue {

BOOST_FIXTURE_TEST_SUITE(work_queue, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

BOOST_AUTO_TEST_CASE(every_item_is_worked_on_once) {
  for (std::size_t consumers : caps) {
    for (std::size_t capacity : {0u, 1u, 50u}) {
      BOOST_TEST_CONTEXT(consumers << " consumers, capacity " << capacity) {
        std::atomic<int> sum{0};
        high_water inside;
        auto handle = [&](int n) -> task<> {
          inside.enter();
          sum += n;
          co_await checkpoint();
          inside.leave();
        };
        auto main = [&]() -> task<> {
          weir::work_queue<int> q(
              pool, {.consumers = consumers, .capacity = capacity}, handle);
          for (int i = 0; i != 1000; ++i)
            co_await q.push(i);
          co_await q.join();
        };
        run(main());
        BOOST_TEST(sum == 499'500);
        BOOST_TEST(inside.peak() <= static_cast<int>(consumers));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_consumer_takes_items_in_their_order) {
  journal<int> seen;
  auto note = [&](int n) { seen.add(n); }; // returns void
  auto main = [&]() -> task<> {
    weir::work_queue<int> q(pool, {.consumers = 1, .capacity = 4}, note);
    for (int i = 0; i != 100; ++i)
      co_await q.push(i);
    co_await q.join();
  };
  run(main());
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  BOOST_TEST(seen.entries() == expected);
}

BOOST_AUTO_TEST_CASE(items_and_function_may_be_move_only) {
  std::atomic<int> alive{0};
  std::atomic<int> sum{0};
  auto owned = std::make_unique<int>(1);
  auto handle = [&, by = std::move(owned)](parcel p) -> task<> {
    co_await checkpoint();
    sum += p.number * *by;
  };
  weir::work_queue<parcel> q(pool, {.consumers = 3}, std::move(handle));
  for (int i = 0; i != 100; ++i)
    wait(q.push(i, alive));
  wait(q.push(parcel(100, alive)));
  wait(q.join());
  BOOST_TEST(sum == 5050);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(each_consumer_has_a_state_of_its_own) {
  std::atomic<int> made{0};
  std::atomic<int> total{0};
  struct counter {
    explicit counter(std::atomic<int>& to) : total(to) {}
    ~counter() { total += count; }
    std::atomic<int>& total;
    int count = 0;
    bool busy = false;
  };
  std::atomic<bool> shared{false};
  auto make = [&]() -> task<std::unique_ptr<counter>> {
    ++made;
    co_await checkpoint();
    co_return std::make_unique<counter>(total);
  };
  auto handle = [&](std::unique_ptr<counter>& mine, int) -> task<> {
    if (std::exchange(mine->busy, true))
      shared = true;
    co_await checkpoint();
    ++mine->count;
    mine->busy = false;
  };
  weir::work_queue<int> q(pool, {.consumers = 3, .capacity = 5}, make, handle);
  for (int i = 0; i != 500; ++i)
    wait(q.push(i));
  wait(q.join());
  BOOST_TEST(made == 3);
  BOOST_TEST(total == 500);
  BOOST_TEST(!shared);

  // A factory that returns the state itself.
  auto zero = [] { return 0; };
  std::atomic<int> last{0};
  auto adds = [&](int& sum, int n) { last = sum += n; };
  weir::work_queue<int> plain(pool, {}, zero, adds);
  for (int i = 0; i != 10; ++i)
    wait(plain.push(i));
  wait(plain.join());
  BOOST_TEST(last == 45);
}

BOOST_AUTO_TEST_CASE(try_push_says_accepted_full_or_closed) {
  gate door(pool.get_executor());
  std::atomic<int> alive{0};
  auto handle = [&](parcel) -> task<> { co_await door.wait(); };
  weir::work_queue<parcel> q(pool, {.consumers = 1, .capacity = 1}, handle);
  BOOST_TEST((q.try_push(parcel(0, alive)) == push_status::accepted));
  block_until([&] { return door.arrivals() == 1; });
  BOOST_TEST((q.try_push(parcel(1, alive)) == push_status::accepted));
  parcel third(2, alive);
  BOOST_TEST((q.try_push(std::move(third)) == push_status::full));
  BOOST_TEST(static_cast<bool>(third));
  BOOST_TEST(q.pending() == 2u);
  q.close();
  BOOST_TEST((q.try_push(std::move(third)) == push_status::closed));
  BOOST_TEST(static_cast<bool>(third));
  door.open();
  wait(q.join());
  BOOST_TEST(alive == 1);
  BOOST_TEST(q.pending() == 0u);
}

BOOST_AUTO_TEST_CASE(one_more_than_may_wait_is_overload) {
  for (std::size_t most : {0u, 1u, 3u}) {
    BOOST_TEST_CONTEXT("max_waiting " << most) {
      gate door(pool.get_executor());
      std::atomic<int> done{0};
      auto handle = [&](int) -> task<> {
        co_await door.wait();
        ++done;
      };
      weir::work_queue<int> q(
          pool, {.consumers = 1, .capacity = 1, .max_waiting = most}, handle);
      BOOST_TEST((q.try_push(0) == push_status::accepted));
      block_until([&] { return door.arrivals() == 1; });
      wait(q.push(1)); // there is room
      std::vector<std::future<void>> waiting;
      for (std::size_t i = 0; i != most; ++i)
        waiting.push_back(q.push(2)(asio::use_future));
      BOOST_TEST(q.waiting() == most);
      BOOST_CHECK_EXCEPTION(
          wait(q.push(3)), system_error, has_code(errc::overloaded));
      BOOST_TEST(q.pending() == 2 + most);
      door.open();
      for (std::future<void>& w : waiting)
        w.get(); // they succeed later
      wait(q.join());
      BOOST_TEST(done == static_cast<int>(2 + most));
    }
  }
}

BOOST_AUTO_TEST_CASE(drain_waits_for_all_work_and_leaves_the_queue_open) {
  gate door(pool.get_executor());
  std::atomic<int> done{0};
  auto handle = [&](int) -> task<> {
    co_await door.wait();
    ++done;
  };
  weir::work_queue<int> q(pool, {.consumers = 2, .capacity = 2}, handle);
  wait(q.drain()); // nothing to wait for
  std::vector<std::future<void>> pushes;
  for (int i = 0; i != 6; ++i)
    pushes.push_back(q.push(i)(asio::use_future));
  auto first = q.drain()(asio::use_future);
  auto second = q.drain()(asio::use_future);
  BOOST_TEST((first.wait_for(std::chrono::milliseconds(1)) ==
              std::future_status::timeout));
  door.open();
  first.get();
  second.get();
  BOOST_TEST(done == 6); // those that waited to be pushed, too
  for (std::future<void>& p : pushes)
    p.get();
  wait(q.push(7));
  wait(q.drain());
  BOOST_TEST(done == 7);
  wait(q.join());
}

BOOST_AUTO_TEST_CASE(drain_and_join_from_the_function_are_refused) {
  error_code of_drain;
  error_code of_join;
  weir::work_queue<int>* queue = nullptr;
  auto handle = [&](int) -> task<> {
    try {
      co_await queue->drain();
    } catch (const system_error& e) {
      of_drain = e.code();
    }
    try {
      co_await queue->join();
    } catch (const system_error& e) {
      of_join = e.code();
    }
  };
  weir::work_queue<int> q(pool, {}, handle);
  queue = &q;
  wait(q.push(1));
  wait(q.join());
  BOOST_TEST(of_drain == errc::would_deadlock);
  BOOST_TEST(of_join == errc::would_deadlock);
}

BOOST_AUTO_TEST_CASE(close_refuses_those_that_wait_and_does_what_was_taken) {
  gate door(pool.get_executor());
  std::atomic<int> done{0};
  auto handle = [&](int) -> task<> {
    co_await door.wait();
    ++done;
  };
  weir::work_queue<int> q(pool, {.consumers = 1, .capacity = 2}, handle);
  BOOST_TEST((q.try_push(0) == push_status::accepted));
  block_until([&] { return door.arrivals() == 1; });
  wait(q.push(1));
  wait(q.push(2));
  auto waits = q.push(3)(asio::use_future);
  q.close();
  BOOST_CHECK_EXCEPTION(
      waits.get(), system_error, has_code(errc::channel_closed));
  BOOST_CHECK_EXCEPTION(
      wait(q.push(4)), system_error, has_code(errc::channel_closed));
  BOOST_TEST(q.pending() == 3u);
  auto drained = q.drain()(asio::use_future);
  door.open();
  drained.get();
  wait(q.join());
  wait(q.join());
  BOOST_TEST(done == 3);
}

BOOST_AUTO_TEST_CASE(the_scoped_form_joins) {
  std::atomic<int> sum{0};
  auto main = [&]() -> task<> {
    co_await with_work_queue<int>(
        {.consumers = 2, .capacity = 3},
        [&](int n) { sum += n; },
        [&](weir::work_queue<int>& q) -> task<> {
          for (int i = 0; i != 100; ++i)
            co_await q.push(i);
        });
  };
  run(main());
  BOOST_TEST(sum == 4950);
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  const auto names_rule = [](const std::invalid_argument& e) {
    return says("consumers is 0")(e) && says("at least 1")(e);
  };
  auto handle = [](int) {};
  BOOST_CHECK_EXCEPTION(weir::work_queue<int>(pool, {.consumers = 0}, handle),
                        std::invalid_argument,
                        names_rule);
  BOOST_CHECK_EXCEPTION(
      weir::work_queue<int>(pool, {}, std::function<void(int)>()),
      std::invalid_argument,
      says("the callable is empty"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_work_queue
