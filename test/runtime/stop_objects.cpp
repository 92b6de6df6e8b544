// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The end of a runtime destroys objects before and after the frames of the
// tasks that waited on them: all waits have ended by then.

#include <weir/blocking_pool.hpp>
#include <weir/channel.hpp>
#include <weir/completion_group.hpp>
#include <weir/limiter.hpp>
#include <weir/offload.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/receive_any.hpp>
#include <weir/result_group.hpp>
#include <weir/single_flight.hpp>
#include <weir/sleep.hpp>
#include <weir/work_queue.hpp>

#include "support/abandoned.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <thread>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(stop_objects)

task<> sleeps() { co_await sleep_for(std::chrono::hours(1)); }
task<int> sleeps_for_one() {
  co_await sleeps();
  co_return 1;
}

BOOST_AUTO_TEST_CASE(a_channel) {
  using object = weir::channel<int>;
  const abandoned<object>::make makes = [](auto& c, auto&) { c.emplace(0u); };
  const abandoned<object>::wait receives = [](object& c) -> task<> {
    (void)co_await c.receive();
  };
  const abandoned<object>::wait any = [](object& c) -> task<> {
    (void)co_await weir::receive_any(c);
  };
  const abandoned<object>::wait any_of = [](object& c) -> task<> {
    const std::array<object*, 2> all{&c, &c};
    (void)co_await weir::receive_any(all);
  };
  const abandoned<object>::wait sends = [](object& c) -> task<> {
    co_await c.send(1);
  };
  abandoned<object>::in_every_order(makes, {receives, any, any_of, receives});
  abandoned<object>::in_every_order(makes, {sends, sends});
}

BOOST_AUTO_TEST_CASE(a_single_flight) {
  using object = weir::single_flight<int, int>;
  const abandoned<object>::make makes = [](auto& f, weir::runtime& pool) {
    f.emplace(pool);
  };
  const abandoned<object>::wait asks = [](object& f) -> task<> {
    (void)co_await f.run(1, sleeps_for_one);
  };
  const abandoned<object>::wait asks_alone = [](object& f) -> task<> {
    (void)co_await f.run(2, sleeps_for_one);
  };
  abandoned<object>::in_every_order(makes, {asks, asks, asks_alone});
}

BOOST_AUTO_TEST_CASE(an_ordered_stream) {
  using object = weir::ordered_stream<int>;
  const auto makes_with = [](std::size_t cap) -> abandoned<object>::make {
    return [cap](auto& s, weir::runtime& pool) {
      s.emplace(pool,
                ordered_stream_options{.max_in_flight = cap, .max_reorder = 1},
                [](int) {});
    };
  };
  const abandoned<object>::wait submits = [](object& s) -> task<> {
    co_await s.submit(sleeps_for_one());
    co_await sleeps();
  };
  // The second result waits for the turn of the first.
  const abandoned<object>::wait goes_ahead = [](object& s) -> task<> {
    auto one = []() -> task<int> { co_return 1; };
    co_await s.submit(one);
    co_await s.submit(one);
    co_await s.submit(one);
    co_await sleeps();
  };
  const abandoned<object>::wait joins = [](object& s) -> task<> {
    co_await s.join();
  };
  abandoned<object>::in_every_order(makes_with(1), {submits, submits, submits});
  abandoned<object>::in_every_order(makes_with(9), {submits, goes_ahead});
  abandoned<object>::in_every_order(makes_with(9), {submits, joins, joins});
}

BOOST_AUTO_TEST_CASE(a_completion_group) {
  using object = weir::completion_group<int>;
  const abandoned<object>::make makes = [](auto& g, weir::runtime& pool) {
    g.emplace(
        pool,
        completion_group_options{.max_in_flight = 1, .max_unconsumed = 0});
  };
  const abandoned<object>::wait spawns = [](object& g) -> task<> {
    co_await g.spawn(sleeps_for_one());
    co_await sleeps();
  };
  // No task takes the result.
  const abandoned<object>::wait gives = [](object& g) -> task<> {
    auto one = []() -> task<int> { co_return 1; };
    co_await g.spawn(one);
    co_await sleeps();
  };
  const abandoned<object>::wait takes = [](object& g) -> task<> {
    (void)co_await g.next();
  };
  const abandoned<object>::wait joins = [](object& g) -> task<> {
    co_await g.join();
  };
  abandoned<object>::in_every_order(makes, {takes, takes});
  abandoned<object>::in_every_order(makes, {spawns, spawns, takes, joins});
  abandoned<object>::in_every_order(makes, {gives, gives});
}

BOOST_AUTO_TEST_CASE(a_result_group) {
  using object = weir::result_group<int>;
  const abandoned<object>::make makes = [](auto& g, weir::runtime& pool) {
    g.emplace(pool, task_group_options{.max_in_flight = 1});
  };
  const abandoned<object>::wait spawns = [](object& g) -> task<> {
    co_await g.spawn(sleeps_for_one());
    co_await sleeps();
  };
  const abandoned<object>::wait joins = [](object& g) -> task<> {
    (void)co_await g.join();
  };
  abandoned<object>::in_every_order(makes, {spawns, spawns, joins, joins});
}

BOOST_AUTO_TEST_CASE(a_task_group) {
  using object = weir::task_group;
  const abandoned<object>::make makes = [](auto& g, weir::runtime& pool) {
    g.emplace(pool, task_group_options{.max_in_flight = 1});
  };
  const abandoned<object>::wait spawns = [](object& g) -> task<> {
    co_await g.spawn(sleeps());
    co_await sleeps();
  };
  const abandoned<object>::wait joins = [](object& g) -> task<> {
    co_await g.join();
  };
  const abandoned<object>::wait idles = [](object& g) -> task<> {
    co_await g.wait_idle();
  };
  const abandoned<object>::wait stops = [](object& g) -> task<> {
    co_await g.wait_stopping();
  };
  abandoned<object>::in_every_order(makes, {spawns, spawns, joins, idles});
  abandoned<object>::in_every_order(makes, {stops, spawns, stops});
}

BOOST_AUTO_TEST_CASE(a_work_queue) {
  using object = weir::work_queue<int>;
  const abandoned<object>::make makes = [](auto& q, weir::runtime& pool) {
    q.emplace(pool, work_queue_options{.consumers = 2, .capacity = 1}, [](int) {
      return sleeps();
    });
  };
  const abandoned<object>::wait pushes = [](object& q) -> task<> {
    for (int i = 0;; ++i)
      co_await q.push(i);
  };
  const abandoned<object>::wait drains = [](object& q) -> task<> {
    co_await q.drain();
  };
  const abandoned<object>::wait joins = [](object& q) -> task<> {
    co_await q.join();
  };
  // join() closes the queue, which would end a push that waits.
  const abandoned<object>::make makes_busy = [&](auto& q, weir::runtime& pool) {
    makes(q, pool);
    for (int i = 0; i != 3; ++i)
      (void)q->try_push(int(i));
  };
  abandoned<object>::in_every_order(makes, {pushes, pushes, drains});
  abandoned<object>::in_every_order(makes_busy, {drains, joins, joins});
}

BOOST_AUTO_TEST_CASE(a_blocking_pool) {
  using object = weir::blocking_pool;
  const abandoned<object>::make makes = [](auto& p, auto&) {
    p.emplace(blocking_pool_options{.threads = 1});
  };
  // Runs until long after the stop has begun.
  const abandoned<object>::wait offloads = [](object& p) -> task<> {
    co_await weir::offload(
        p, [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
  };
  abandoned<object>::in_every_order(makes, {offloads, offloads});
}

BOOST_AUTO_TEST_CASE(a_limiter) {
  using object = weir::limiter;
  const abandoned<object>::make makes = [](auto& l, auto&) { l.emplace(1u); };
  const abandoned<object>::wait holds = [](object& l) -> task<> {
    permit held = co_await l.acquire();
    co_await sleeps();
  };
  abandoned<object>::in_every_order(makes, {holds, holds, holds});
}

BOOST_AUTO_TEST_CASE(a_limiter_of_groups) {
  using object = weir::limiter;
  const abandoned<object>::make makes = [](auto& l, auto&) { l.emplace(1u); };
  static weir::runtime* current = nullptr; // of the case's thread
  const abandoned<object>::make makes_and_notes = [&](auto& l,
                                                      weir::runtime& pool) {
    current = &pool;
    makes(l, pool);
  };
  const abandoned<object>::wait spawns = [](object& l) -> task<> {
    task_group group(*current, {.limiter = &l});
    co_await group.spawn(sleeps());
    co_await group.spawn(sleeps());
  };
  const abandoned<object>::wait joins = [](object& l) -> task<> {
    task_group group(*current, {.limiter = &l});
    co_await group.spawn(sleeps());
    co_await group.join();
  };
  abandoned<object>::in_every_order(makes_and_notes, {spawns, spawns, joins});
  abandoned<object>::in_every_order(makes_and_notes, {joins, joins});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
