// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/until.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_channel {

BOOST_FIXTURE_TEST_SUITE(channel, pool_fixture)

constexpr std::size_t capacities[] = {0, 1, 3, 64};

// Receives until the channel is closed.
template <typename T>
task<> drain(weir::channel<T>& from, journal<T>& into) {
  while (std::optional<T> next = co_await from.receive())
    into.add(std::move(*next));
}

BOOST_AUTO_TEST_CASE(values_arrive_in_the_order_in_which_they_were_sent) {
  for (std::size_t capacity : capacities) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      weir::channel<int> c(capacity);
      journal<int> got;
      auto sends = [&]() -> task<> {
        for (int i = 0; i != 1000; ++i)
          co_await c.send(i);
        c.close();
      };
      auto main = [&]() -> task<> {
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          co_await group.spawn(sends);
          co_await group.spawn(drain(c, got));
        });
      };
      run(main());
      std::vector<int> expected(1000);
      std::iota(expected.begin(), expected.end(), 0);
      BOOST_TEST(got.entries() == expected);
      BOOST_TEST(c.size() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(many_senders_and_receivers_lose_and_double_nothing) {
  constexpr int senders = 4;
  constexpr int each = sanitized ? 500 : 5000;
  for (std::size_t capacity : capacities) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      weir::channel<int> c(capacity);
      std::vector<std::atomic<int>> times(senders * each);
      std::atomic<bool> in_order{true};
      auto sends = [&](int first) -> task<> {
        for (int i = 0; i != each; ++i)
          co_await c.send(first + i);
      };
      auto receives = [&]() -> task<> {
        std::vector<int> last(senders, -1);
        while (std::optional<int> n = co_await c.receive()) {
          ++times[static_cast<std::size_t>(*n)];
          int& before = last[static_cast<std::size_t>(*n / each)];
          if (*n <= before)
            in_order = false;
          before = *n;
        }
      };
      auto main = [&]() -> task<> {
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          for (int i = 0; i != 3; ++i)
            co_await group.spawn(receives);
          task_group senders_group(pool);
          for (int i = 0; i != senders; ++i)
            co_await senders_group.spawn(sends, i * each);
          co_await senders_group.join();
          c.close();
        });
      };
      run(main());
      int wrong = 0;
      for (const std::atomic<int>& n : times)
        wrong += n != 1;
      BOOST_TEST(wrong == 0);
      BOOST_TEST(in_order); // the values of one sender, at one receiver
    }
  }
}

BOOST_AUTO_TEST_CASE(with_capacity_zero_a_send_waits_for_its_receiver) {
  weir::channel<int> c(0);
  std::atomic<bool> sent{false};
  auto sends = [&]() -> task<> {
    co_await c.send(7);
    sent = true;
  };
  task_group group(pool);
  wait(group.spawn(sends));
  block_until([&] { return c.waiting_senders() == 1; });
  BOOST_TEST(!sent);
  BOOST_TEST(c.size() == 0u);
  BOOST_TEST((wait(c.receive()) == std::optional<int>(7)));
  wait(group.join());
  BOOST_TEST(sent);
}

BOOST_AUTO_TEST_CASE(a_send_waits_while_the_buffer_is_full) {
  weir::channel<int> c(2);
  wait(c.send(0));
  wait(c.send(1));
  BOOST_TEST(c.size() == 2u);
  auto third = c.send(2)(asio::use_future);
  BOOST_TEST(c.waiting_senders() == 1u);
  BOOST_TEST((c.try_receive() == std::optional<int>(0)));
  third.get();
  BOOST_TEST(c.size() == 2u); // it filled the place
  BOOST_TEST((c.try_receive() == std::optional<int>(1)));
  BOOST_TEST((c.try_receive() == std::optional<int>(2)));
  BOOST_TEST(!c.try_receive().has_value());
}

BOOST_AUTO_TEST_CASE(those_that_wait_are_served_first_come_first_served) {
  for (std::size_t capacity : {0u, 2u}) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      weir::channel<int> c(capacity);
      std::vector<std::future<std::optional<int>>> receivers;
      for (int i = 0; i != 20; ++i)
        receivers.push_back(c.receive()(asio::use_future));
      BOOST_TEST(c.waiting_receivers() == 20u);
      for (int i = 0; i != 20; ++i)
        BOOST_TEST((c.try_send(i) == send_status::sent));
      for (int i = 0; i != 20; ++i)
        BOOST_TEST((receivers[static_cast<std::size_t>(i)].get() ==
                    std::optional<int>(i)));

      std::vector<std::future<void>> senders;
      for (int i = 0; i != 20; ++i)
        senders.push_back(c.send(i)(asio::use_future));
      BOOST_TEST(c.waiting_senders() == 20u - capacity);
      for (int i = 0; i != 20; ++i)
        BOOST_TEST((c.try_receive() == std::optional<int>(i)));
      for (std::future<void>& s : senders)
        s.get();
    }
  }
}

BOOST_AUTO_TEST_CASE(trying_never_waits_and_leaves_a_refused_value_alone) {
  weir::channel<std::string> c(1);
  std::string first = "the first value, too long to be stored in place";
  std::string second = "the second value, too long to be stored in place";
  BOOST_TEST(!c.try_receive().has_value());
  BOOST_TEST((c.try_send(std::move(first)) == send_status::sent));
  BOOST_TEST((c.try_send(std::move(second)) == send_status::full));
  BOOST_TEST(second == "the second value, too long to be stored in place");
  const std::string& kept = second;
  BOOST_TEST((c.try_send(kept) == send_status::full));
  BOOST_TEST(
      (c.try_receive() == "the first value, too long to be stored in place"));
  BOOST_TEST((c.try_send(kept) == send_status::sent));
  c.close();
  BOOST_TEST((c.try_send(std::move(second)) == send_status::closed));
  BOOST_TEST(second == kept);
  BOOST_TEST((c.try_receive() == kept));

  weir::channel<int> meet(0);
  BOOST_TEST((meet.try_send(1) == send_status::full));
  auto receiver = meet.receive()(asio::use_future);
  BOOST_TEST((meet.try_send(1) == send_status::sent));
  BOOST_TEST((receiver.get() == std::optional<int>(1)));
}

BOOST_AUTO_TEST_CASE(values_need_neither_copies_nor_a_default) {
  static_assert(!std::is_default_constructible_v<parcel>);
  static_assert(!std::is_copy_constructible_v<parcel>);
  std::atomic<int> alive{0};
  for (std::size_t capacity : capacities) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      weir::channel<parcel> c(capacity);
      std::atomic<int> sum{0};
      auto sends = [&]() -> task<> {
        for (int i = 0; i != 50; ++i)
          co_await c.send(parcel(i, alive));
        for (int i = 50; i != 100; ++i)
          co_await c.emplace(i, alive);
        c.close();
      };
      auto main = [&]() -> task<> {
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          co_await group.spawn(sends);
          while (std::optional<parcel> p = co_await c.receive())
            sum += *p ? p->number : 1'000'000;
        });
      };
      run(main());
      BOOST_TEST(sum == 99 * 50);
      BOOST_TEST(alive == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_aggregate_is_sent_by_its_members_or_named) {
  struct pair_of_strings {
    std::string name;
    std::string value;
  };
  weir::channel<pair_of_strings> c(2);
  std::string seen;
  auto main = [&]() -> task<> {
    pair_of_strings named{"a name that is long enough for the heap", "1"};
    co_await c.emplace(std::move(named));
    co_await c.emplace("another name that is long enough for it", "2");
    while (std::optional<pair_of_strings> p = c.try_receive())
      seen += p->name + "=" + p->value + " ";
  };
  run(main());
  BOOST_TEST(seen == "a name that is long enough for the heap=1 "
                     "another name that is long enough for it=2 ");
}

BOOST_AUTO_TEST_CASE(buffered_values_are_destroyed_with_the_channel) {
  std::atomic<int> alive{0};
  {
    weir::channel<parcel> c(5);
    for (int round = 0; round != 3; ++round) {
      for (int i = 0; i != 4; ++i)
        BOOST_TEST((c.try_send(parcel(i, alive)) == send_status::sent));
      BOOST_TEST(alive == 4);
      if (round != 2)
        while (c.try_receive()) {
        }
    }
    BOOST_TEST(c.size() == 4u);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(a_channel_serves_threads_and_runtimes_alike) {
  weir::channel<int> c(2);
  weir::runtime other(1);
  std::atomic<int> sum{0};
  auto receives = [&]() -> task<> {
    while (std::optional<int> n = co_await c.receive())
      sum += *n;
  };
  task_group here(pool);
  task_group there(other);
  wait(here.spawn(receives));
  wait(there.spawn(receives));
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t)
    threads.emplace_back([&] {
      for (int i = 1; i <= 500; ++i)
        wait(c.send(i));
    });
  for (std::thread& t : threads)
    t.join();
  c.close();
  wait(here.join());
  wait(there.join());
  BOOST_TEST(sum == 2 * 500 * 501 / 2);
}

BOOST_AUTO_TEST_CASE(a_capacity_that_no_memory_holds_is_bad_alloc) {
  BOOST_CHECK_THROW(weir::channel<int>(static_cast<std::size_t>(-1)),
                    std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_channel
