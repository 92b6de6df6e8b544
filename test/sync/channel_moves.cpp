// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Values whose move is the user's code: it may use the channel, and while it
// runs no other thread is blocked.

#include <weir/channel.hpp>
#include <weir/receive_any.hpp>

#include "support/watchdog.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test::of_channel_moves {

namespace {

namespace asio = boost::asio;

struct watched {
  watchdog dog;
};

// Calls `on_move` whenever it is moved.
class nosy final {
public:
  explicit nosy(int n, const std::function<void()>* on_move = nullptr)
      : number(n), on_move_(on_move) {}
  nosy(nosy&& other) noexcept : number(other.number), on_move_(other.on_move_) {
    if (on_move_ != nullptr)
      (*on_move_)();
  }
  nosy& operator=(nosy&&) = delete;
  ~nosy() = default;

  int number;

private:
  const std::function<void()>* on_move_;
};

using numbers = std::vector<int>;

numbers left_in(channel<nosy>& c) {
  numbers all;
  while (const std::optional<nosy> next = c.try_receive())
    all.push_back(next->number);
  return all;
}

// A move that lasts until the case ends it.
class slow_move final {
public:
  // Only the next move of a value made with this object waits, on any thread.
  void arm() { armed_ = true; }
  void wait_until_it_is_on() { on_.get_future().wait(); }
  void end() { end_.set_value(); }

  const std::function<void()> on_move = [this] {
    if (!std::exchange(armed_, false))
      return;
    on_.set_value();
    end_.get_future().wait();
  };

private:
  bool armed_ = false;
  std::promise<void> on_;
  std::promise<void> end_;
};

template <typename T>
bool is_pending(const std::future<T>& f) {
  return f.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(channel_moves, watched)

BOOST_AUTO_TEST_CASE(a_move_may_use_the_channel_of_its_value) {
  for (std::size_t capacity : {1u, 2u, 3u}) {
    BOOST_TEST_CONTEXT("capacity " << capacity) {
      channel<nosy> c(capacity);
      numbers sent;
      numbers received;
      bool is_looking = false;
      const auto send = [&](int n, const std::function<void()>* on_move) {
        if (c.try_send(nosy(n, on_move)) == send_status::sent)
          sent.push_back(n);
      };
      const std::function<void()> look = [&] {
        if (std::exchange(is_looking, true))
          return;
        (void)c.size();
        if (const std::optional<nosy> got = c.try_receive())
          received.push_back(got->number);
        send(100, nullptr);
        is_looking = false;
      };
      for (int n = 0; n != 10; ++n) {
        send(n, &look);
        if (const std::optional<nosy> got = c.try_receive())
          received.push_back(got->number);
      }
      for (int n : left_in(c))
        received.push_back(n);
      std::sort(sent.begin(), sent.end());
      std::sort(received.begin(), received.end());
      BOOST_TEST(!sent.empty());
      BOOST_TEST(received == sent);
      BOOST_TEST(c.size() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_move_may_serve_those_who_wait_for_its_channel) {
  channel<nosy> c(1);
  bool has_looked = false;
  std::optional<int> got;
  const std::function<void()> look = [&] {
    if (std::exchange(has_looked, true))
      return;
    // The only room is being filled.
    auto other = c.send(nosy(2))(asio::use_future);
    if (auto next = c.receive()(asio::use_future).get())
      got = next->number;
    other.get();
  };
  BOOST_TEST((c.try_send(nosy(1, &look)) == send_status::sent));
  BOOST_TEST(got.value() == 2);
  BOOST_TEST(left_in(c) == numbers{1});
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_a_move_into_the_channel) {
  channel<nosy> c(2);
  slow_move move;
  nosy slow(1, &move.on_move);
  move.arm();
  std::thread sender([&] { (void)c.try_send(std::move(slow)); });
  move.wait_until_it_is_on();

  BOOST_TEST(!c.try_receive().has_value());
  BOOST_TEST(c.size() == 1u);
  BOOST_TEST((c.try_send(nosy(2)) == send_status::sent));
  BOOST_TEST((c.try_send(nosy(3)) == send_status::full));
  BOOST_TEST(c.try_receive().value().number == 2);
  auto receives = c.receive()(asio::use_future);
  BOOST_TEST(is_pending(receives));

  move.end();
  sender.join();
  BOOST_TEST(receives.get().value().number == 1);
  BOOST_TEST(c.size() == 0u);
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_a_move_out_of_the_channel) {
  channel<nosy> c(2);
  slow_move move;
  (void)c.try_send(nosy(1, &move.on_move));
  (void)c.try_send(nosy(2));
  move.arm();
  int got = 0;
  std::thread receiver([&] { got = c.try_receive().value().number; });
  move.wait_until_it_is_on();

  // What is being emptied is not room yet.
  BOOST_TEST((c.try_send(nosy(3)) == send_status::full));
  auto sends = c.send(nosy(3))(asio::use_future);
  BOOST_TEST(is_pending(sends));
  BOOST_TEST(c.try_receive().value().number == 2);
  sends.get();
  BOOST_TEST((c.try_send(nosy(4)) == send_status::full));
  auto last = c.send(nosy(4))(asio::use_future);
  BOOST_TEST(is_pending(last));

  move.end();
  receiver.join();
  last.get();
  BOOST_TEST(got == 1);
  BOOST_TEST((left_in(c) == numbers{3, 4}));
}

BOOST_AUTO_TEST_CASE(senders_that_wait_keep_their_order_while_one_is_moved) {
  channel<nosy> c(1);
  slow_move move;
  (void)c.try_send(nosy(1));
  auto first = c.send(nosy(2, &move.on_move))(asio::use_future);
  auto second = c.send(nosy(3))(asio::use_future);
  move.arm();
  int got = 0;
  std::thread receiver([&] { got = c.try_receive().value().number; });
  move.wait_until_it_is_on();

  BOOST_TEST(!c.try_receive().has_value());
  BOOST_TEST((c.try_send(nosy(4)) == send_status::full));
  auto receives = c.receive()(asio::use_future);
  BOOST_TEST(is_pending(receives));

  move.end();
  receiver.join();
  first.get();
  second.get();
  BOOST_TEST(got == 1);
  BOOST_TEST(receives.get().value().number == 2);
  BOOST_TEST(left_in(c) == numbers{3});
}

BOOST_AUTO_TEST_CASE(a_value_being_moved_at_the_end_is_received) {
  channel<nosy> c(1);
  channel<nosy> other(1);
  slow_move move;
  nosy slow(1, &move.on_move);
  move.arm();
  std::thread sender([&] { (void)c.try_send(std::move(slow)); });
  move.wait_until_it_is_on();

  auto before = c.receive()(asio::use_future);
  c.close();
  other.close();
  auto after = receive_any(c, other)(asio::use_future);
  auto last = receive_any(c, other)(asio::use_future);
  BOOST_TEST(is_pending(before));
  BOOST_TEST(is_pending(after));
  BOOST_TEST((c.try_send(nosy(2)) == send_status::closed));

  move.end();
  sender.join();
  BOOST_TEST(before.get().value().number == 1);
  BOOST_TEST(!after.get().has_value());
  BOOST_TEST(!last.get().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_channel_moves
