// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancelling those that wait in a channel: nothing is lost, nothing doubled.

#include <weir/channel.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/at_once.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(channel_cancel, pool_fixture)

using boost::system::system_error;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_cancelled_receiver_leaves_and_takes_nothing) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      weir::channel<int> c(1);
      std::atomic<int> left{0};
      auto receives = [&]() -> task<> {
        on_scope_exit mark([&] { ++left; });
        (void)co_await c.receive();
        left += 100;
      };
      task_group group(pool, {.cancellation = form});
      for (int i = 0; i != 3; ++i)
        wait(group.spawn(receives));
      block_until([&] { return c.waiting_receivers() == 3; });
      group.cancel();
      wait(group.join());
      BOOST_TEST(left == 3);
      BOOST_TEST(c.waiting_receivers() == 0u);
      BOOST_TEST((c.try_send(1) == send_status::sent));
      BOOST_TEST(c.size() == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_value_of_a_cancelled_sender_is_never_received) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      std::atomic<int> alive{0};
      weir::channel<parcel> c(1);
      wait(c.send(parcel(0, alive)));
      auto sends = [&](int n) -> task<> { co_await c.send(parcel(n, alive)); };
      task_group leaves(pool, {.cancellation = form});
      task_group stays(pool);
      wait(leaves.spawn(sends, 1));
      block_until([&] { return c.waiting_senders() == 1; });
      wait(stays.spawn(sends, 2));
      block_until([&] { return c.waiting_senders() == 2; });
      leaves.cancel();
      wait(leaves.join());
      BOOST_TEST(c.waiting_senders() == 1u);
      BOOST_TEST(alive == 2);
      BOOST_TEST(c.try_receive()->number == 0);
      BOOST_TEST(c.try_receive()->number == 2);
      wait(stays.join());
      BOOST_TEST(alive == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_neither_sends_nor_receives) {
  for (on_cancel form : forms) {
    weir::channel<int> c(5);
    gate never(pool.get_executor());
    wait(c.send(1));
    std::atomic<int> done{0};
    auto child = [&](bool sends) -> task<> {
      try {
        co_await never.wait();
      } catch (const system_error&) {
      }
      if (sends)
        co_await c.send(2);
      else
        (void)co_await c.receive();
      ++done;
    };
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(child, true));
    wait(group.spawn(child, false));
    block_until([&] { return never.arrivals() == 2; });
    group.cancel();
    wait(group.join());
    BOOST_TEST(done == 0);
    BOOST_TEST(c.size() == 1u);
  }
}

// Runs `race(round)` many times, and then until both outcomes were seen; or up
// to a limit, on a machine that shows only one.
template <typename Race>
void both_ways(Race race) {
  int yes = 0;
  int no = 0;
  for (int round = 0; round != 500; ++round) {
    if (round >= (sanitized ? 100 : 300) && yes != 0 && no != 0)
      break;
    (race(round) ? yes : no) += 1;
  }
}

BOOST_AUTO_TEST_CASE(a_value_that_races_with_a_cancellation_is_never_lost) {
  for (on_cancel form : forms) {
    for (std::size_t capacity : {0u, 1u}) {
      both_ways([&](int round) {
        std::atomic<int> alive{0};
        weir::channel<parcel> c(capacity);
        std::atomic<bool> got{false};
        auto receives = [&]() -> task<> {
          std::optional<parcel> p = co_await c.receive();
          got = p.has_value();
        };
        task_group group(pool, {.cancellation = form});
        wait(group.spawn(receives));
        block_until([&] { return c.waiting_receivers() == 1; });
        send_status sent = send_status::closed;
        at_once(
            round,
            [&] { sent = c.try_send(parcel(1, alive)); },
            [&] { group.cancel(); });
        wait(group.join());
        // Received, still in the channel, or not accepted.
        const bool kept = c.try_receive().has_value();
        BOOST_REQUIRE(got + kept == (sent == send_status::sent));
        BOOST_REQUIRE(alive == 0);
        return got.load();
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_sender_cancelled_as_it_is_served_has_sent_or_has_not) {
  for (on_cancel form : forms) {
    for (std::size_t capacity : {0u, 1u}) {
      both_ways([&](int round) {
        std::atomic<int> alive{0};
        weir::channel<parcel> c(capacity);
        if (capacity == 1)
          BOOST_REQUIRE((c.try_send(parcel(0, alive)) == send_status::sent));
        std::atomic<bool> sent{false};
        auto sends = [&]() -> task<> {
          co_await c.send(parcel(1, alive));
          sent = true;
        };
        task_group group(pool, {.cancellation = form});
        wait(group.spawn(sends));
        block_until([&] { return c.waiting_senders() == 1; });
        std::optional<parcel> first;
        at_once(
            round, [&] { first = c.try_receive(); }, [&] { group.cancel(); });
        wait(group.join());
        const std::optional<parcel> second = c.try_receive();
        const bool arrived =
            (first && first->number == 1) || (second && second->number == 1);
        BOOST_REQUIRE(arrived == sent);
        return arrived;
      });
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
