// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Sends and receives that share a claim, as in a race(), under every schedule:
// one takes effect, and the others can be withdrawn.

#include <weir/detail/sync/channel_steps.hpp>
#include <weir/detail/wait/shared_claim.hpp>

#include "explorer/engine.hpp"
#include "explorer/expect.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace weir::test::of_contest {

namespace {

using core = detail::channel_core<int>;
using sending = outsider<detail::send_step<int>>;
using receiving = outsider<detail::receive_step<int>>;

// 0: none.
int value_of(receiving& r) { return r.step.value.value_or(0); }

// A contest receives from two channels, to each of which one thread sends.
class contest_of_receives {
public:
  static constexpr std::size_t threads = 2;

  contest_of_receives() {
    for (std::size_t i = 0; i != 2; ++i) {
      receives_[i].step.contend(claim_, claimed_[i]);
      receives_[i].start();
    }
  }
  void run(std::size_t thread) { sends_[thread].start(); }
  std::string outcome() {
    std::string sent;
    for (std::size_t i = 0; i != 2; ++i) {
      const bool served = receives_[i].is_done();
      if (served != sends_[i].is_done() || served != claimed_[i] ||
          served != (value_of(receives_[i]) != 0))
        return "lost";
      if (!served && !receives_[i].cancel())
        return "forgotten";
      sent += served ? 's' : 'w';
    }
    for (core& each : channels_)
      each.close();
    return sent;
  }

private:
  std::array<core, 2> channels_{core(0), core(0)};
  std::array<sending, 2> sends_{sending(channels_[0], 1),
                                sending(channels_[1], 2)};
  detail::shared_claim claim_;
  std::array<bool, 2> claimed_{};
  std::array<receiving, 2> receives_{receiving(channels_[0]),
                                     receiving(channels_[1])};
};

// Two contests, each of a send to one channel and a receive from the other:
// there are two ways in which they can serve each other.
class contests_that_meet {
public:
  static constexpr std::size_t threads = 2;

  contests_that_meet() {
    for (std::size_t i = 0; i != 2; ++i) {
      sends_[i].step.contend(claims_[i], sent_[i]);
      receives_[i].step.contend(claims_[i], received_[i]);
    }
  }
  void run(std::size_t thread) {
    if (thread == 0) {
      sends_[0].start();
      receives_[0].start();
    } else {
      sends_[1].start();
      receives_[1].start();
    }
  }
  std::string outcome() {
    for (std::size_t i = 0; i != 2; ++i)
      if ((!sends_[i].is_done() && !sends_[i].cancel()) ||
          (!receives_[i].is_done() && !receives_[i].cancel()))
        return "forgotten";
    if (sent_[0] != received_[1] || sent_[1] != received_[0] ||
        (value_of(receives_[1]) == 1) != sent_[0] ||
        (value_of(receives_[0]) == 2) != sent_[1])
      return "lost";
    if (sent_[0] == sent_[1])
      return sent_[0] ? "both" : "neither";
    return sent_[0] ? "first" : "second";
  }

private:
  std::array<core, 2> channels_{core(0), core(0)};
  std::array<detail::shared_claim, 2> claims_;
  std::array<bool, 2> sent_{};
  std::array<bool, 2> received_{};
  std::array<sending, 2> sends_{sending(channels_[0], 1),
                                sending(channels_[1], 2)};
  std::array<receiving, 2> receives_{receiving(channels_[1]),
                                     receiving(channels_[0])};
};

} // namespace

BOOST_AUTO_TEST_SUITE(contest_schedules)

BOOST_AUTO_TEST_CASE(of_the_receives_of_a_contest_one_is_served) {
  expect_outcomes<contest_of_receives>(2, {"sw", "ws"});
}

BOOST_AUTO_TEST_CASE(two_contests_that_meet_agree_on_one_value) {
  expect_outcomes<contests_that_meet>(2, {"first", "second"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_contest
