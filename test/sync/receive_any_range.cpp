// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/receive_any.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/at_once.hpp"
#include "support/foreign.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test::of_receive_any_range {

BOOST_FIXTURE_TEST_SUITE(receive_any_range, pool_fixture)

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

// Channels cannot be moved, so a deque.
template <typename T>
void add_channels(std::deque<weir::channel<T>>& to,
                  int n,
                  std::size_t capacity) {
  for (int i = 0; i != n; ++i)
    to.emplace_back(capacity);
}

BOOST_AUTO_TEST_CASE(it_gives_the_position_and_the_value) {
  std::deque<weir::channel<int>> all;
  add_channels(all, 3, 2);
  wait(all[2].send(7));
  wait(all[1].send(8));
  wait(all[1].send(9));
  auto main = [&]() -> task<std::vector<std::pair<std::size_t, int>>> {
    std::vector<std::pair<std::size_t, int>> seen;
    for (int i = 0; i != 3; ++i) {
      auto next = co_await weir::receive_any(all);
      seen.emplace_back(next->index, next->value);
    }
    co_return seen;
  };
  // The first channel that has a value is used.
  const std::vector<std::pair<std::size_t, int>> expected{
      {1, 8}, {1, 9}, {2, 7}};
  BOOST_TEST((run(main()) == expected));
}

BOOST_AUTO_TEST_CASE(pointers_and_views_of_channels_will_do) {
  weir::channel<int> a(4);
  weir::channel<int> b(4);
  for (int i = 0; i != 4; ++i)
    wait(b.send(i));
  std::array<weir::channel<int>*, 2> plain{&a, &b};
  std::vector<std::reference_wrapper<weir::channel<int>>> wrapped{a, b};
  std::vector<std::unique_ptr<weir::channel<int>>> owned;
  owned.push_back(std::make_unique<weir::channel<int>>(1));
  owned.push_back(std::make_unique<weir::channel<int>>(1));
  wait(owned[1]->send(5));
  BOOST_TEST(wait(weir::receive_any(plain))->value == 0);
  BOOST_TEST(wait(weir::receive_any(wrapped))->value == 1);
  BOOST_TEST(wait(weir::receive_any(owned))->value == 5);
  BOOST_TEST(
      wait(weir::receive_any(std::vector<weir::channel<int>*>{&b}))->value ==
      2);
  // A range that is neither sized nor alive afterwards.
  auto all = wait(weir::receive_any(
      plain | std::views::filter([&](auto* c) { return c == &b; })));
  BOOST_TEST(all->index == 0u);
  BOOST_TEST(all->value == 3);
}

BOOST_AUTO_TEST_CASE(it_waits_in_all_and_then_leaves_all) {
  for (std::size_t sender : {0u, 1u, 19u}) {
    std::atomic<int> alive{0};
    std::deque<weir::channel<parcel>> all;
    add_channels(all, 20, 0);
    auto waits = weir::receive_any(all)(asio::use_future);
    for (auto& each : all)
      BOOST_TEST(each.waiting_receivers() == 1u);
    BOOST_TEST((all[sender].try_send(parcel(3, alive)) == send_status::sent));
    auto got = waits.get();
    BOOST_TEST(got->index == sender);
    BOOST_TEST(got->value.number == 3);
    for (auto& each : all)
      BOOST_TEST(each.waiting_receivers() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(closed_channels_are_passed_over_until_all_are) {
  std::deque<weir::channel<int>> all;
  add_channels(all, 3, 1);
  std::atomic<int> sum{0};
  std::atomic<bool> ended{false};
  auto merges = [&]() -> task<> {
    while (auto next = co_await weir::receive_any(all))
      sum += next->value;
    ended = true;
  };
  task_group group(pool);
  wait(group.spawn(merges));
  for (int i = 0; i != 3; ++i) {
    wait(all[static_cast<std::size_t>(i)].send(1 << i));
    block_until([&] { return sum == (2 << i) - 1; });
    BOOST_TEST(!ended);
    all[static_cast<std::size_t>(i)].close();
  }
  wait(group.join());
  BOOST_TEST(ended);
  BOOST_TEST(!wait(weir::receive_any(all)).has_value());
}

BOOST_AUTO_TEST_CASE(one_channel_may_be_there_twice) {
  weir::channel<int> a(2);
  std::vector<weir::channel<int>*> twice{&a, &a};
  auto waits = weir::receive_any(twice)(asio::use_future);
  BOOST_TEST(a.waiting_receivers() == 2u);
  wait(a.send(3));
  wait(a.send(4));
  BOOST_TEST(waits.get()->value == 3);
  BOOST_TEST(a.waiting_receivers() == 0u);
  BOOST_TEST(wait(weir::receive_any(twice))->value == 4);
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_leaves_all_queues_and_takes_nothing) {
  for (on_cancel form : forms) {
    int delivered = 0;
    int cancelled = 0;
    for (int round = 0; round != 500; ++round) {
      if (round >= (sanitized ? 100 : 300) && delivered != 0 && cancelled != 0)
        break;
      std::deque<weir::channel<int>> all;
      add_channels(all, 3, 1);
      std::atomic<std::size_t> got{0};
      auto waits = [&]() -> task<> {
        auto next = co_await weir::receive_any(all);
        got += next.has_value();
      };
      task_group group(pool, {.cancellation = form});
      wait(group.spawn(waits));
      block_until([&] { return all[2].waiting_receivers() == 1; });
      at_once(
          round, [&] { (void)all[1].try_send(1); }, [&] { group.cancel(); });
      wait(group.join());
      BOOST_REQUIRE(got + all[1].size() == 1u);
      for (auto& each : all)
        BOOST_REQUIRE(each.waiting_receivers() == 0u);
      (got == 1 ? delivered : cancelled) += 1;
    }
  }
}

// The receive may return before the thread that served it has released all
// locks; and then all channels may be destroyed.
BOOST_AUTO_TEST_CASE(the_channels_may_go_as_soon_as_it_was_served) {
  for (int round = 0; round != (sanitized ? 500 : 2000); ++round) {
    std::optional<weir::channel<int>> closed(std::in_place, 0);
    std::optional<weir::channel<int>> open(std::in_place, 0);
    closed->close();
    const std::array<weir::channel<int>*, 2> all{&*open, &*closed};
    std::optional<int> got;
    at_once(
        round,
        [&] {
          while (open->try_send(1) != send_status::sent) {
          }
        },
        [&] {
          got = weir::receive_any(all)(asio::use_future).get()->value;
          closed.reset();
        });
    BOOST_REQUIRE(got == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_coroutine_of_asio_can_await_it) {
  std::deque<weir::channel<int>> all;
  add_channels(all, 2, 1);
  wait(all[1].send(6));
  auto main = [&]() -> asio::awaitable<int> {
    auto next = co_await weir::receive_any(all)(asio::use_awaitable);
    co_return next->value;
  };
  BOOST_TEST(run_foreign(main()) == 6);
}

BOOST_AUTO_TEST_CASE(no_channel_or_a_null_is_refused_at_the_call) {
  std::vector<weir::channel<int>*> none;
  BOOST_CHECK_EXCEPTION(
      (void)weir::receive_any(none),
      std::invalid_argument,
      says("weir::receive_any: the range is empty, must have a channel"));
  weir::channel<int> a(1);
  none = {&a, nullptr};
  BOOST_CHECK_EXCEPTION(
      (void)weir::receive_any(none),
      std::invalid_argument,
      says("weir::receive_any: a pointer to a channel is null"));
}

BOOST_AUTO_TEST_CASE(a_stopped_runtime_takes_it_out_of_all_queues) {
  std::list<weir::channel<int>> all;
  for (int i = 0; i != 5; ++i)
    all.emplace_back(1);
  {
    weir::runtime brief(1);
    auto waits = [&]() -> task<> { (void)co_await weir::receive_any(all); };
    weir::co_spawn(brief, waits(), asio::detached);
    block_until([&] { return all.back().waiting_receivers() == 1; });
    brief.stop();
  }
  for (auto& each : all)
    BOOST_TEST(each.waiting_receivers() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_receive_any_range
