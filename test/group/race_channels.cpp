// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// race() and its kin over operations that take a value: an operation that loses
// has taken nothing. One subject in many small cases, hence its length.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/error.hpp>
#include <weir/first_completed.hpp>
#include <weir/limiter.hpp>
#include <weir/quorum.hpp>
#include <weir/race.hpp>
#include <weir/receive_any.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/work_queue.hpp>

#include "support/at_once.hpp"
#include "support/gate.hpp"
#include "support/operations.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

namespace weir::test::of_race_channels {

BOOST_FIXTURE_TEST_SUITE(race_channels, operations)

using weir::race;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};
constexpr int many = sanitized ? 400 : 4000;
constexpr std::chrono::hours for_long{1};

task<> sends(weir::channel<int>& c, int from, int to) {
  for (int i = from; i != to; ++i) {
    // So that sometimes the senders wait, and sometimes the receivers.
    for (int turns = i / 64 % 8; turns != 0; --turns)
      co_await checkpoint();
    co_await c.send(i);
  }
}

// Of all values that two senders give, from 0 to `many`.
template <typename Take>
long sum_over_two(weir::runtime& on, std::size_t capacity, Take take) {
  long sum = 0;
  auto main = [&]() -> task<> {
    weir::channel<int> a(capacity);
    weir::channel<int> b(capacity);
    task_group senders(on);
    co_await senders.spawn(sends(a, 0, many / 2));
    co_await senders.spawn(sends(b, many / 2, many));
    auto closes = [&]() -> task<> {
      co_await senders.join();
      a.close();
      b.close();
    };
    task_group group(on);
    co_await group.spawn(closes);
    while (!b.is_closed()) {
      const std::optional<int> value = co_await take(a, b);
      sum += value.value_or(0);
    }
    // A channel that is closed and empty would win every race.
    for (auto* each : {&a, &b})
      while (const std::optional<int> value = each->try_receive())
        sum += *value;
    co_await group.join();
  };
  on.run(main());
  return sum;
}

constexpr long whole = static_cast<long>(many) * (many - 1) / 2;

template <typename Take>
void loses_none(Take take) {
  for (std::size_t threads : {1u, 2u})
    for (std::size_t capacity : {0u, 1u, 8u})
      BOOST_TEST_CONTEXT("threads " << threads << ", capacity " << capacity) {
        weir::runtime own(threads);
        BOOST_TEST(sum_over_two(own, capacity, take) == whole);
      }
}

BOOST_AUTO_TEST_CASE(a_receive_that_loses_to_another_has_taken_nothing) {
  loses_none([](weir::channel<int>& a,
                weir::channel<int>& b) -> task<std::optional<int>> {
    auto got = co_await race(a.receive(), b.receive());
    co_return got.value;
  });
}

BOOST_AUTO_TEST_CASE(nor_has_one_that_loses_in_first_completed) {
  loses_none([](weir::channel<int>& a,
                weir::channel<int>& b) -> task<std::optional<int>> {
    auto got = co_await weir::first_completed(
        a.receive(), sleep_for(for_long), b.receive());
    if (got.index() == 0)
      co_return std::get<0>(got);
    co_return std::get<2>(got);
  });
}

BOOST_AUTO_TEST_CASE(nor_has_one_that_loses_to_a_task) {
  loses_none([](weir::channel<int>& a,
                weir::channel<int>& b) -> task<std::optional<int>> {
    auto is_quick = []() -> task<std::optional<int>> {
      co_await checkpoint();
      co_return std::nullopt;
    };
    auto got = co_await race(a.receive(), is_quick(), b.receive());
    co_return got.value;
  });
}

BOOST_AUTO_TEST_CASE(a_next_that_loses_leaves_its_result_to_others) {
  constexpr int n = many / 8;
  for (std::size_t threads : {1u, 2u}) {
    weir::runtime own(threads);
    auto gives = [](int i) -> task<int> {
      for (int turns = i / 8 % 4; turns != 0; --turns)
        co_await checkpoint();
      co_return i;
    };
    auto main = [&]() -> task<long> {
      weir::completion_group<int> a(own);
      weir::completion_group<int> b(own);
      for (int i = 0; i != n; ++i)
        co_await (i % 2 == 0 ? a : b).spawn(gives(i));
      a.close();
      b.close();
      long sum = 0;
      for (;;) {
        auto got = co_await race(a.next(), b.next());
        if (!got.value)
          break; // One channel is empty: it would win every race.
        sum += got.value->result.value();
      }
      for (auto* each : {&a, &b}) {
        while (auto got = co_await each->next())
          sum += got->result.value();
        co_await each->join();
      }
      co_return sum;
    };
    BOOST_TEST(own.run(main()) == static_cast<long>(n) * (n - 1) / 2);
  }
}

BOOST_AUTO_TEST_CASE(a_push_that_loses_has_pushed_nothing) {
  std::atomic<int> done{0};
  auto main = [&]() -> task<> {
    auto counts = [&](int) { ++done; };
    weir::work_queue<int> a(pool, {.capacity = 1}, counts);
    weir::work_queue<int> b(pool, {.capacity = 1}, counts);
    for (int i = 0; i != many; ++i)
      (void)co_await race(a.push(i), b.push(i));
    co_await a.drain();
    co_await b.drain();
    co_await a.join();
    co_await b.join();
  };
  run(main());
  BOOST_TEST(done == many);
}

BOOST_AUTO_TEST_CASE(the_first_two_of_three_take_two_values) {
  weir::channel<int> a(8);
  weir::channel<int> b(8);
  weir::channel<int> c(8);
  for (auto* each : {&a, &b, &c})
    for (int i = 0; i != 8; ++i)
      BOOST_TEST((each->try_send(int(i)) == send_status::sent));
  auto main = [&]() -> task<std::size_t> {
    auto got = co_await quorum(2, a.receive(), b.receive(), c.receive());
    co_return got.size();
  };
  for (std::size_t round = 1; round != 9; ++round) {
    BOOST_TEST(run(main()) == 2u);
    BOOST_TEST(a.size() + b.size() + c.size() == 24 - 2 * round);
  }
}

BOOST_AUTO_TEST_CASE(a_send_that_loses_has_sent_nothing) {
  for (std::size_t capacity : {0u, 1u}) {
    std::atomic<int> received{0};
    auto main = [&]() -> task<> {
      weir::channel<int> a(capacity);
      weir::channel<int> b(capacity);
      auto receives = [&](weir::channel<int>& c) -> task<> {
        while (co_await c.receive())
          ++received;
      };
      task_group group(pool);
      co_await group.spawn(receives, std::ref(a));
      co_await group.spawn(receives, std::ref(b));
      for (int i = 0; i != many; ++i)
        (void)co_await race(a.send(i), b.send(i));
      a.close();
      b.close();
      co_await group.join();
    };
    run(main());
    BOOST_TEST(received == many);
  }
}

// Each contest offers what the other wants, in two ways: they agree on one.
BOOST_AUTO_TEST_CASE(two_contests_that_meet_agree_on_one_value) {
  weir::channel<int> x(0);
  weir::channel<int> y(0);
  for (int round = 0; round != many; ++round) {
    std::size_t first = 9;
    std::size_t second = 9;
    auto one = [&]() -> task<> {
      first = (co_await race(x.send(1), y.receive())).index();
    };
    auto other = [&]() -> task<> {
      second = (co_await race(x.receive(), y.send(2))).index();
    };
    auto main = [&]() -> task<> {
      task_group group(pool);
      co_await group.spawn(one);
      co_await group.spawn(other);
      co_await group.join();
    };
    run(main());
    BOOST_TEST_REQUIRE(first == second);
    BOOST_TEST_REQUIRE(x.waiting_senders() + x.waiting_receivers() +
                           y.waiting_senders() + y.waiting_receivers() ==
                       0u);
  }
}

BOOST_AUTO_TEST_CASE(a_contest_does_not_serve_itself_unless_both_may_win) {
  weir::channel<int> c(0);
  auto both = [&]() -> task<std::size_t> {
    co_return (co_await quorum(2, c.send(1), c.receive())).size();
  };
  BOOST_TEST(run(both()) == 2u);

  std::atomic<std::size_t> won{9};
  auto one = [&]() -> task<> {
    won = (co_await race(c.send(1), c.receive())).index();
  };
  task_group group(pool);
  wait(group.spawn(one));
  block_until(
      [&] { return c.waiting_senders() == 1 && c.waiting_receivers() == 1; });
  BOOST_TEST((c.try_send(5) == send_status::sent));
  wait(group.join());
  BOOST_TEST(won == 1u);
  BOOST_TEST(c.waiting_senders() + c.waiting_receivers() == 0u);
}

BOOST_AUTO_TEST_CASE(it_meets_a_receive_any) {
  for (int round = 0; round != many / 4; ++round) {
    weir::channel<int> x(0);
    weir::channel<int> y(0);
    std::size_t sent = 9;
    std::size_t received = 9;
    auto gives = [&]() -> task<> {
      sent = (co_await race(x.send(1), y.send(2))).index;
    };
    auto takes = [&]() -> task<> {
      auto got = co_await receive_any(x, y);
      received = got->index();
    };
    auto main = [&]() -> task<> {
      task_group group(pool);
      co_await group.spawn(gives);
      co_await group.spawn(takes);
      co_await group.join();
    };
    run(main());
    BOOST_TEST_REQUIRE(sent == received);
  }
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_meets_a_value_does_not_lose_it) {
  for (on_cancel form : forms) {
    for (int round = 0; round != (sanitized ? 100 : 500); ++round) {
      weir::channel<int> a(1);
      weir::channel<int> b(1);
      std::atomic<int> got{0};
      auto waits = [&]() -> task<> {
        auto next = co_await race(a.receive(), b.receive());
        got += next.value.has_value();
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(waits));
      block_until([&] { return b.waiting_receivers() == 1; });
      at_once(
          round, [&] { (void)b.try_send(1); }, [&] { group.cancel(); });
      wait(group.join());
      BOOST_TEST_REQUIRE(got + static_cast<int>(b.size()) == 1);
      BOOST_TEST_REQUIRE(a.waiting_receivers() + b.waiting_receivers() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_that_fails_leaves_the_value_to_the_others) {
  weir::channel<int> closed(1);
  weir::channel<int> open(1);
  closed.close();
  auto main = [&]() -> task<std::size_t> {
    auto fails = []() -> task<> {
      throw std::runtime_error("boom");
      co_return;
    };
    auto got = co_await race(closed.send(1), fails(), open.send(2));
    co_return got.index;
  };
  BOOST_TEST(run(main()) == 2u);
  BOOST_TEST(open.try_receive().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_closed_channel_gives_nothing_and_takes_nothing) {
  weir::channel<int> closed(1);
  weir::channel<int> quiet(1);
  auto main = [&]() -> task<bool> {
    auto got = co_await race(closed.receive(), quiet.receive());
    co_return got.index == 0 && !got.value;
  };
  task_group group(pool);
  auto closes = [&]() -> task<> {
    co_await until([&] { return closed.waiting_receivers() == 1; });
    closed.close();
  };
  wait(group.spawn(closes));
  BOOST_TEST(run(main()));
  wait(group.join());
  BOOST_TEST(quiet.waiting_receivers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_permit_that_came_too_late_is_given_back) {
  weir::limiter a(1);
  weir::limiter b(1);
  std::atomic<int> inside{0};
  std::atomic<int> calls{0};
  auto asks = [&]() -> task<> {
    for (int i = 0; i != many / 8; ++i) {
      auto got = co_await race(a.acquire(), b.acquire());
      if (got.value.empty())
        throw std::logic_error("no permit");
      if (++inside > 2)
        throw std::logic_error("more than there are permits");
      co_await checkpoint();
      --inside;
      ++calls;
    }
  };
  auto main = [&]() -> task<> {
    task_group group(pool);
    for (int i = 0; i != 4; ++i)
      co_await group.spawn(asks);
    co_await group.join();
  };
  run(main());
  BOOST_TEST(calls == 4 * (many / 8));
  BOOST_TEST(a.in_use() + b.in_use() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_race_channels
