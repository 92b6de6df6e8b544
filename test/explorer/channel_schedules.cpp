// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A channel under every schedule: each value is received once or stays with its
// sender, and nobody who waits is forgotten.

#include <weir/detail/any_channels.hpp>
#include <weir/detail/channel_steps.hpp>
#include <weir/detail/receive_any_step.hpp>

#include "explorer/engine.hpp"
#include "explorer/expect.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace weir::test::of_channel {

namespace {

using core = detail::channel_core<int>;
using sending = outsider<detail::send_step<int>>;
using receiving = outsider<detail::receive_step<int>>;

// 0: none, it was refused.
int value_of(receiving& r) { return r.step.value.value_or(0); }

// Two send to a channel with room for `capacity`, one receives both, so that a
// place is filled again while it is emptied.
template <std::size_t capacity>
class two_send {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread != 2) {
      sends_[thread].start();
      return;
    }
    for (int& each : received_) {
      receiving r(channel_);
      r.start();
      r.wait();
      each = value_of(r);
    }
  }
  std::string outcome() {
    for (const sending& s : sends_)
      if (!s.is_done() || s.times() != 1)
        return "a sender is forgotten";
    const core::counts left = channel_.now();
    if (left.size + left.senders + left.receivers != 0)
      return "left over";
    return std::to_string(received_[0]) + std::to_string(received_[1]);
  }

private:
  core channel_{capacity};
  std::array<sending, 2> sends_{sending(channel_, 1), sending(channel_, 2)};
  std::array<int, 2> received_{};
};

// A receiver gives up while its value comes; another is behind it.
class withdraw_and_send {
public:
  static constexpr std::size_t threads = 3;

  withdraw_and_send() { first_.start(); }
  void run(std::size_t thread) {
    if (thread == 0)
      send_.start();
    else if (thread == 1)
      withdrew_ = first_.cancel();
    else
      second_.start();
  }
  std::string outcome() {
    const int first = value_of(first_);
    const int second = value_of(second_);
    if (!send_.is_done() || first + second != 1 || first_.times() != 1)
      return "lost";
    if (withdrew_ != (second == 1))
      return "both";
    channel_.close();
    return withdrew_ ? "gave up" : "received";
  }

private:
  core channel_{0};
  sending send_{channel_, 1};
  receiving first_{channel_};
  receiving second_{channel_};
  bool withdrew_ = false;
};

// It is closed while one sends and one receives.
template <std::size_t capacity>
class close_and_send {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread == 0) {
      send_.start();
    } else if (thread == 1) {
      channel_.close();
    } else {
      receive_.start();
      receive_.wait();
    }
  }
  std::string outcome() {
    if (!send_.is_done())
      return "the sender is forgotten";
    const bool refused = send_.step.is_refused();
    if (refused != (value_of(receive_) == 0))
      return refused ? "both" : "lost";
    return refused ? "refused" : "received";
  }

private:
  core channel_{capacity};
  sending send_{channel_, 1};
  receiving receive_{channel_};
};

// One receives from two channels at once, to each of which one sends; or it
// gives up.
class receive_any {
public:
  static constexpr std::size_t threads = 3;

  receive_any() { receive_.start(); }
  void run(std::size_t thread) {
    if (thread == 2)
      withdrew_ = receive_.cancel();
    else
      sends_[thread].start();
  }
  std::string outcome() {
    if (!receive_.is_done() || receive_.times() != 1)
      return "forgotten";
    const auto got = std::get<1>(receive_.step.arguments());
    std::string sent;
    for (const sending& s : sends_)
      sent += s.is_done() ? 's' : 'w';
    for (core& each : channels_)
      each.close();
    if (withdrew_ != !got.has_value())
      return "both";
    return sent + (withdrew_ ? ", gave up" : "");
  }

private:
  using any = detail::listed_channels<int, int>;

  std::array<core, 2> channels_{core(0), core(0)};
  std::array<sending, 2> sends_{sending(channels_[0], 1),
                                sending(channels_[1], 2)};
  outsider<detail::receive_any_step<any>> receive_{
      std::in_place, channels_[0], channels_[1]};
  bool withdrew_ = false;
};

// One receives from two channels that are closed one by one.
class receive_any_and_close {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread == 2)
      receive_.start();
    else
      channels_[thread].close();
  }
  std::string outcome() { return receive_.times() == 1 ? "told" : "forgotten"; }

private:
  using any = detail::listed_channels<int, int>;

  std::array<core, 2> channels_{core(0), core(0)};
  outsider<detail::receive_any_step<any>> receive_{
      std::in_place, channels_[0], channels_[1]};
};

} // namespace

BOOST_AUTO_TEST_SUITE(channel_schedules)

BOOST_AUTO_TEST_CASE(each_value_of_two_senders_is_received_once) {
  expect_outcomes<two_send<0>>(2, {"12", "21"});
}

BOOST_AUTO_TEST_CASE(a_place_is_filled_again_while_it_is_emptied) {
  expect_outcomes<two_send<1>>(2, {"12", "21"});
}

BOOST_AUTO_TEST_CASE(a_value_for_one_who_gives_up_goes_to_the_next) {
  expect_outcomes<withdraw_and_send>(2, {"gave up", "received"});
}

BOOST_AUTO_TEST_CASE(a_value_beside_the_end_is_received_or_refused) {
  expect_outcomes<close_and_send<0>>(2, {"received", "refused"});
}

BOOST_AUTO_TEST_CASE(a_value_in_the_buffer_outlives_the_end) {
  expect_outcomes<close_and_send<1>>(2, {"received", "refused"});
}

BOOST_AUTO_TEST_CASE(of_two_channels_one_serves_the_receiver) {
  expect_outcomes<receive_any>(2, {"sw", "ws", "ww, gave up"});
}

BOOST_AUTO_TEST_CASE(when_all_channels_are_closed_the_receiver_is_told) {
  expect_outcomes<receive_any_and_close>(2, {"told"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_channel
