// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Workers that wait for their turn to call a producer.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/for_each.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/until.hpp"
#include "support/watchdog.hpp"

#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(for_each_producer)

namespace of_for_each_producer {

struct seen {
  std::atomic<int> asked{0};
  std::atomic<int> handled{0};
  std::atomic<int> ended{0};
  std::atomic<bool> went_on{false};
};

// Two workers that have run one element each: the worker that ran number
// `holder` is inside the producer, which never returns, the other one waits for
// its turn. The gates are destroyed with the last frame.
struct two_workers {
  two_workers(weir::runtime& pool, seen& what, int holder)
      : doors{gate(pool.get_executor()), gate(pool.get_executor())},
        never(pool.get_executor()), saw(what), first(holder) {}

  static task<> run(std::shared_ptr<two_workers> self, on_cancel form) {
    on_scope_exit over([self] { ++self->saw.ended; });
    auto produce = [&]() -> task<std::optional<int>> {
      const int n = self->saw.asked++;
      if (n == 2)
        co_await self->never.wait();
      co_return n;
    };
    auto handle = [&](int n) -> task<> {
      co_await self->doors[n].wait();
      ++self->saw.handled;
    };
    co_await weir::for_each(
        produce, {.max_in_flight = 2, .cancellation = form}, handle);
    self->saw.went_on = true;
  }

  static task<> both_wait(std::shared_ptr<two_workers> self) {
    gate& first = self->doors[self->first];
    gate& second = self->doors[1 - self->first];
    co_await until([&] { return first.arrivals() + second.arrivals() == 2; });
    first.open();
    co_await until([&] { return self->never.arrivals() == 1; });
    second.open();
    co_await until([&] { return self->saw.handled == 2; });
    for (int i = 0; i != 100; ++i) // Until the worker is in the queue.
      co_await checkpoint();
  }

  gate doors[2];
  gate never;
  seen& saw;
  const int first;
};

} // namespace of_for_each_producer
using namespace of_for_each_producer;

BOOST_FIXTURE_TEST_CASE(one_that_waits_for_its_turn_is_cancelled, pool_of<1>) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      seen saw;
      auto two = std::make_shared<two_workers>(pool, saw, 0);
      auto main = [&]() -> task<> {
        task_group group(pool);
        co_await group.spawn(two_workers::run(two, form));
        co_await two_workers::both_wait(two);
        group.cancel();
        co_await group.join();
      };
      run(main());
      BOOST_TEST(saw.asked == 3);
      BOOST_TEST(saw.handled == 2);
      BOOST_TEST(saw.ended == 1);
      BOOST_TEST(!saw.went_on);
    }
  }
}

BOOST_AUTO_TEST_CASE(on_a_stopped_runtime_it_is_destroyed) {
  watchdog dog;
  for (int holder : {0, 1}) {
    seen saw;
    std::optional<weir::runtime> brief(std::in_place, 1u);
    auto two = std::make_shared<two_workers>(*brief, saw, holder);
    weir::co_spawn(
        *brief, two_workers::run(two, on_cancel::raise), asio::detached);
    brief->run(two_workers::both_wait(std::move(two)));
    brief->stop();
    brief.reset();
    BOOST_TEST(saw.asked == 3);
    BOOST_TEST(saw.ended == 1);
    BOOST_TEST(!saw.went_on);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
