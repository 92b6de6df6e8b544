// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A channel under every schedule: each value is received once or stays with its
// sender, and no waiter is forgotten.
//
// Above 300 lines: the models are the same for values that are moved under the
// channel's lock and for those whose move is slow.

#include <weir/detail/sync/any_channels.hpp>
#include <weir/detail/sync/channel_steps.hpp>
#include <weir/detail/sync/receive_any_step.hpp>

#include "explorer/engine.hpp"
#include "explorer/expect.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace weir::test::of_channel {

namespace {

template <typename T>
using core_of = detail::channel_core<T>;
template <typename T>
using sending_of = outsider<detail::send_step<T>>;
template <typename T>
using receiving_of = outsider<detail::receive_step<T>>;

using core = core_of<int>;
using sending = sending_of<int>;

// Other threads may run in the middle of its move, because a move is the user's
// code.
class slow final {
public:
  slow(int n) noexcept : number_(n) {}
  slow(slow&& other) noexcept : number_(other.number_) {
    if (explorer* const e = explorer::active())
      e->step();
  }
  operator int() const noexcept { return number_; }

private:
  int number_;
};

// 0: there is no value, the receive was refused.
template <typename T>
int value_of(receiving_of<T>& r) {
  return r.step.value.has_value() ? int(*r.step.value) : 0;
}

// Two senders use a channel with room for `capacity`, one receiver takes both
// values, so that a place is filled again while it is emptied.
template <typename T, std::size_t capacity>
class two_send {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread != 2) {
      sends_[thread].start();
      return;
    }
    for (int& each : received_) {
      receiving_of<T> r(channel_);
      r.start();
      r.wait();
      each = value_of(r);
    }
  }
  std::string outcome() {
    for (const sending_of<T>& s : sends_)
      if (!s.is_done() || s.times() != 1)
        return "a sender is forgotten";
    const auto left = channel_.now();
    if (left.size + left.senders + left.receivers != 0)
      return "left over";
    return std::to_string(received_[0]) + std::to_string(received_[1]);
  }

private:
  core_of<T> channel_{capacity};
  std::array<sending_of<T>, 2> sends_{sending_of<T>(channel_, 1),
                                      sending_of<T>(channel_, 2)};
  std::array<int, 2> received_{};
};

// A receiver is withdrawn while its value arrives; another one is queued behind
// it.
template <typename T, std::size_t capacity>
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
  core_of<T> channel_{capacity};
  sending_of<T> send_{channel_, 1};
  receiving_of<T> first_{channel_};
  receiving_of<T> second_{channel_};
  bool withdrew_ = false;
};

// The channel is closed while one thread sends and one receives.
template <typename T, std::size_t capacity>
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
  core_of<T> channel_{capacity};
  sending_of<T> send_{channel_, 1};
  receiving_of<T> receive_{channel_};
};

// A receiver waits for two channels at once, to each of which one thread sends;
// or the receiver is withdrawn.
template <typename T, std::size_t capacity>
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
    for (const sending_of<T>& s : sends_)
      sent += s.is_done() ? 's' : 'w';
    for (core_of<T>& each : channels_)
      each.close();
    if (withdrew_ != !got.has_value())
      return "both";
    return sent + (withdrew_ ? ", gave up" : "");
  }

private:
  using any = detail::listed_channels<T, T>;

  std::array<core_of<T>, 2> channels_{core_of<T>(capacity),
                                      core_of<T>(capacity)};
  std::array<sending_of<T>, 2> sends_{sending_of<T>(channels_[0], 1),
                                      sending_of<T>(channels_[1], 2)};
  outsider<detail::receive_any_step<any>> receive_{
      std::in_place, channels_[0], channels_[1]};
  bool withdrew_ = false;
};

// A receiver waits for two channels that are closed one by one.
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

// Two senders wait for the one place of a channel, which two receivers empty:
// the value of the first sender is received first, and before that of a later
// sender.
template <typename T>
class refill {
public:
  static constexpr std::size_t threads = 3;

  refill() {
    (void)channel_.try_send(1);
    for (sending_of<T>& s : sends_)
      s.start();
  }
  void run(std::size_t thread) {
    if (thread == 2) {
      sent_late_ = channel_.try_send(4) == send_status::sent;
      return;
    }
    for (std::size_t i = thread == 0 ? 0 : 2, n = thread == 0 ? 2 : 3; i != n;
         ++i) {
      receiving_of<T> r(channel_);
      r.start();
      r.wait();
      received_[i] = value_of(r);
    }
  }
  std::string outcome() {
    for (const sending_of<T>& s : sends_)
      if (!s.is_done() || s.times() != 1)
        return "a sender is forgotten";
    const auto [a, b, c] = received_;
    if (channel_.now().size != (sent_late_ ? 1u : 0u))
      return "lost";
    if (a >= b || a + b + c != 6)
      return "out of order";
    return sent_late_ ? "sent late" : "full";
  }

private:
  core_of<T> channel_{1};
  std::array<sending_of<T>, 2> sends_{sending_of<T>(channel_, 2),
                                      sending_of<T>(channel_, 3)};
  std::array<int, 3> received_{};
  bool sent_late_ = false;
};

// The channel is closed while a value is moved into it and two receivers wait.
class close_and_move {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread == 0) {
      sent_ = channel_.try_send(1) == send_status::sent;
    } else if (thread == 1) {
      channel_.close();
    } else {
      for (auto& r : receives_)
        r.start();
    }
  }
  std::string outcome() {
    int got = 0;
    for (auto& r : receives_) {
      if (r.times() != 1)
        return "a receiver is forgotten";
      got += value_of(r);
    }
    if (got != (sent_ ? 1 : 0))
      return "lost";
    return sent_ ? "received" : "refused";
  }

private:
  core_of<slow> channel_{1};
  std::array<receiving_of<slow>, 2> receives_{receiving_of<slow>(channel_),
                                              receiving_of<slow>(channel_)};
  bool sent_ = false;
};

// The move of a value waits until another thread has used the channel.
class use_and_move {
  struct waits_for {
    explicit waits_for(mark* m = nullptr) noexcept : until(m) {}
    waits_for(waits_for&& other) noexcept
        : until(std::exchange(other.until, nullptr)) {
      while (until != nullptr && !until->is_set())
        explorer::active()->pause();
      until = nullptr;
    }
    mark* until;
  };

public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    if (thread == 0) {
      (void)channel_.try_send(waits_for(&used_));
    } else {
      for (int i = 0; i != 2; ++i) {
        (void)channel_.try_send(waits_for());
        received_ += channel_.try_receive().has_value();
      }
      used_.set();
    }
  }
  std::string outcome() {
    while (channel_.try_receive())
      ++received_;
    return std::to_string(received_);
  }

private:
  core_of<waits_for> channel_{2};
  mark used_;
  int received_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(channel_schedules)

BOOST_AUTO_TEST_CASE(each_value_of_two_senders_is_received_once) {
  expect_outcomes<two_send<int, 0>>(2, {"12", "21"});
}

BOOST_AUTO_TEST_CASE(a_place_is_filled_again_while_it_is_emptied) {
  expect_outcomes<two_send<int, 1>>(2, {"12", "21"});
}

BOOST_AUTO_TEST_CASE(a_value_for_one_who_gives_up_goes_to_the_next) {
  expect_outcomes<withdraw_and_send<int, 0>>(2, {"gave up", "received"});
}

BOOST_AUTO_TEST_CASE(a_value_beside_the_end_is_received_or_refused) {
  expect_outcomes<close_and_send<int, 0>>(2, {"received", "refused"});
}

BOOST_AUTO_TEST_CASE(a_value_in_the_buffer_outlives_the_end) {
  expect_outcomes<close_and_send<int, 1>>(2, {"received", "refused"});
}

BOOST_AUTO_TEST_CASE(of_two_channels_one_serves_the_receiver) {
  expect_outcomes<receive_any<int, 0>>(2, {"sw", "ws", "ww, gave up"});
}

BOOST_AUTO_TEST_CASE(when_all_channels_are_closed_the_receiver_is_told) {
  expect_outcomes<receive_any_and_close>(2, {"told"});
}

BOOST_AUTO_TEST_CASE(those_who_wait_first_are_received_first) {
  expect_outcomes<refill<int>>(2, {"full", "sent late"});
}

BOOST_AUTO_TEST_CASE(a_slow_move_loses_and_doubles_nothing) {
  expect_outcomes<two_send<slow, 0>>(2, {"12", "21"});
  expect_outcomes<two_send<slow, 1>>(2, {"12", "21"});
  expect_outcomes<two_send<slow, 2>>(2, {"12", "21"});
}

BOOST_AUTO_TEST_CASE(a_slow_move_lets_nobody_past_those_who_wait) {
  expect_outcomes<refill<slow>>(2, {"full", "sent late"});
}

BOOST_AUTO_TEST_CASE(a_slow_move_to_one_who_gives_up_goes_to_the_next) {
  expect_outcomes<withdraw_and_send<slow, 0>>(2, {"gave up", "received"});
  expect_outcomes<withdraw_and_send<slow, 1>>(2, {"gave up", "received"});
}

BOOST_AUTO_TEST_CASE(a_slow_move_beside_the_end_is_received_or_refused) {
  expect_outcomes<close_and_send<slow, 0>>(2, {"received", "refused"});
  expect_outcomes<close_and_send<slow, 1>>(2, {"received", "refused"});
  expect_outcomes<close_and_move>(2, {"received", "refused"});
}

BOOST_AUTO_TEST_CASE(of_two_slow_moves_one_serves_the_receiver) {
  expect_outcomes<receive_any<slow, 0>>(2, {"sw", "ws", "ww, gave up"});
  expect_outcomes<receive_any<slow, 1>>(2, {"ss", "ss, gave up"});
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_the_move_of_another) {
  expect_outcomes<use_and_move>(2, {"3"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_channel
