// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/receive_any.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/at_once.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/until.hpp"

#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test::of_receive_any {

BOOST_FIXTURE_TEST_SUITE(receive_any, pool_fixture)

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(the_value_of_whichever_channel_has_one_is_taken) {
  weir::channel<int> a(1);
  weir::channel<std::string> b(1);
  std::vector<std::string> got;
  auto main = [&]() -> task<> {
    co_await a.send(1);
    auto next = co_await weir::receive_any(a, b);
    got.push_back(std::to_string(std::get<int>(*next)));
    co_await b.send(std::string("two"));
    next = co_await weir::receive_any(a, b);
    got.push_back(std::get<std::string>(*next));
  };
  run(main());
  BOOST_TEST((got == std::vector<std::string>{"1", "two"}));
}

BOOST_AUTO_TEST_CASE(if_several_are_ready_the_first_serves_and_others_keep) {
  weir::channel<int> a(2);
  weir::channel<int> b(2);
  weir::channel<int> c(2);
  std::vector<std::size_t> from;
  auto main = [&]() -> task<> {
    for (auto* each : {&a, &b, &c}) {
      co_await each->send(1);
      co_await each->send(2);
    }
    for (int i = 0; i != 5; ++i) {
      auto next = co_await weir::receive_any(c, a, b);
      from.push_back(next->index());
    }
  };
  run(main());
  BOOST_TEST((from == std::vector<std::size_t>{0, 0, 1, 1, 2}));
  BOOST_TEST(a.size() + c.size() == 0u);
  BOOST_TEST(b.size() == 1u);
}

BOOST_AUTO_TEST_CASE(it_waits_for_the_first_value_and_then_leaves_all_queues) {
  for (std::size_t capacity : {0u, 1u}) {
    for (int sender = 0; sender != 2; ++sender) {
      BOOST_TEST_CONTEXT("capacity " << capacity << ", sender " << sender) {
        weir::channel<int> a(capacity);
        weir::channel<int> b(capacity);
        std::optional<std::variant<int, int>> got;
        auto waits = [&]() -> task<> {
          auto next = co_await weir::receive_any(a, b);
          got = next;
        };
        task_group group(pool);
        wait(group.spawn(waits));
        block_until([&] { return b.waiting_receivers() == 1; });
        BOOST_TEST(a.waiting_receivers() == 1u);
        BOOST_TEST(((sender == 0 ? a : b).try_send(7) == send_status::sent));
        wait(group.join());
        BOOST_TEST(got->index() == static_cast<std::size_t>(sender));
        BOOST_TEST(a.waiting_receivers() == 0u);
        BOOST_TEST(b.waiting_receivers() == 0u);
        BOOST_TEST(a.size() + b.size() == 0u);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_waiting_sender_is_served_by_it) {
  weir::channel<int> a(0);
  weir::channel<int> b(0);
  auto sends = b.send(5)(asio::use_future);
  const auto got = wait(weir::receive_any(a, b));
  sends.get();
  BOOST_TEST(std::get<1>(*got) == 5);
}

BOOST_AUTO_TEST_CASE(closed_channels_are_passed_over_until_all_are) {
  weir::channel<int> a(1);
  weir::channel<int> b(1);
  std::atomic<int> ended{0};
  std::atomic<int> got{0};
  auto merges = [&]() -> task<> {
    while (auto next = co_await weir::receive_any(a, b))
      ++got;
    ++ended;
  };
  task_group group(pool);
  wait(group.spawn(merges));
  block_until([&] { return a.waiting_receivers() == 1; });
  a.close(); // while it waits
  wait(b.send(1));
  block_until([&] { return got == 1 && b.waiting_receivers() == 1; });
  BOOST_TEST(a.waiting_receivers() == 0u);
  BOOST_TEST(ended == 0);
  wait(b.send(2));
  b.close();
  wait(group.join());
  BOOST_TEST(got == 2);
  BOOST_TEST(ended == 1);
  BOOST_TEST(!wait(weir::receive_any(a, b)).has_value());
}

BOOST_AUTO_TEST_CASE(it_may_be_given_one_channel_or_the_same_twice) {
  weir::channel<int> a(3);
  wait(a.send(1));
  wait(a.send(2));
  BOOST_TEST(std::get<0>(*wait(weir::receive_any(a))) == 1);
  BOOST_TEST(std::get<0>(*wait(weir::receive_any(a, a))) == 2);
  auto waits = weir::receive_any(a, a)(asio::use_future);
  BOOST_TEST(a.waiting_receivers() == 2u);
  wait(a.send(3));
  wait(a.send(4)); // the second entry was removed
  BOOST_TEST(std::get<0>(*waits.get()) == 3);
  BOOST_TEST(a.size() == 1u);
  BOOST_TEST(a.waiting_receivers() == 0u);
}

BOOST_AUTO_TEST_CASE(when_two_senders_race_one_serves_and_the_other_keeps) {
  int by_a = 0;
  int by_b = 0;
  for (int round = 0; round != 500; ++round) {
    if (round >= (sanitized ? 100 : 300) && by_a != 0 && by_b != 0)
      break;
    std::atomic<int> alive{0};
    weir::channel<parcel> a(1);
    weir::channel<parcel> b(1);
    auto waits = weir::receive_any(a, b)(asio::use_future);
    at_once(
        round,
        [&] { (void)a.try_send(parcel(1, alive)); },
        [&] { (void)b.try_send(parcel(2, alive)); });
    auto got = waits.get();
    const bool first = got->index() == 0;
    BOOST_REQUIRE(a.size() == (first ? 0u : 1u));
    BOOST_REQUIRE(b.size() == (first ? 1u : 0u));
    BOOST_REQUIRE(alive == 2);
    (first ? by_a : by_b) += 1;
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_leaves_all_queues_and_takes_nothing) {
  for (on_cancel form : forms) {
    int delivered = 0;
    int cancelled = 0;
    for (int round = 0; round != 500; ++round) {
      if (round >= (sanitized ? 100 : 300) && delivered != 0 && cancelled != 0)
        break;
      weir::channel<int> a(1);
      weir::channel<int> b(1);
      std::atomic<int> got{0};
      auto waits = [&]() -> task<> {
        auto next = co_await weir::receive_any(a, b);
        got += next.has_value();
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(waits));
      block_until([&] { return b.waiting_receivers() == 1; });
      send_status sent = send_status::closed;
      at_once(
          round, [&] { sent = b.try_send(1); }, [&] { group.cancel(); });
      wait(group.join());
      BOOST_REQUIRE((sent == send_status::sent));
      BOOST_REQUIRE(got + b.size() == 1u);
      BOOST_REQUIRE(a.waiting_receivers() + b.waiting_receivers() == 0u);
      (got == 1 ? delivered : cancelled) += 1;
    }
  }
}

BOOST_AUTO_TEST_CASE(under_load_every_value_arrives_once) {
  constexpr int each = sanitized ? 1000 : 10'000;
  for (std::size_t capacity : {0u, 2u}) {
    std::atomic<int> alive{0};
    weir::channel<parcel> a(capacity);
    weir::channel<parcel> b(capacity);
    weir::channel<parcel> c(capacity);
    weir::channel<parcel>* const all[] = {&a, &b, &c};
    std::vector<std::atomic<int>> times(3 * each);
    auto sends = [&](std::size_t which) -> task<> {
      for (int i = 0; i != each; ++i)
        co_await all[which]->send(
            parcel(static_cast<int>(which) * each + i, alive));
      all[which]->close();
    };
    auto note = [&](const parcel& p) {
      ++times[static_cast<std::size_t>(p.number)];
    };
    auto merges = [&]() -> task<> {
      while (auto next = co_await weir::receive_any(a, b, c))
        std::visit(note, *next);
    };
    auto merges_backwards = [&]() -> task<> {
      while (auto next = co_await weir::receive_any(c, b))
        std::visit(note, *next);
    };
    auto receives = [&]() -> task<> {
      while (auto next = co_await b.receive())
        note(*next);
    };
    auto leaves = [&]() -> task<> {
      // It has counted what it received before it was cancelled.
      while (auto next = co_await weir::receive_any(b, a))
        std::visit(note, *next);
    };
    auto main = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        for (std::size_t which = 0; which != 3; ++which)
          co_await group.spawn(sends, which);
        co_await group.spawn(merges);
        co_await group.spawn(merges_backwards);
        co_await group.spawn(receives);
        for (int i = 0; i != 50; ++i) {
          task_group brief(pool);
          co_await brief.spawn(leaves);
          for (int n = 0; n != 5; ++n)
            co_await checkpoint();
          brief.cancel();
          co_await brief.join();
        }
      });
    };
    run(main());
    int wrong = 0;
    for (const std::atomic<int>& n : times)
      wrong += n != 1;
    BOOST_TEST(wrong == 0);
    BOOST_TEST(alive == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_stopped_runtime_takes_it_out_of_all_queues) {
  weir::channel<int> a(1);
  weir::channel<int> b(1);
  {
    weir::runtime brief(1);
    auto waits = [&]() -> task<> { (void)co_await weir::receive_any(a, b); };
    weir::co_spawn(brief, waits(), asio::detached);
    block_until([&] { return b.waiting_receivers() == 1; });
    brief.stop();
  }
  BOOST_TEST(a.waiting_receivers() == 0u);
  BOOST_TEST(b.waiting_receivers() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_receive_any
