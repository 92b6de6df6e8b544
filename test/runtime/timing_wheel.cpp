// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "runtime/timing_wheel.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <vector>

namespace weir::test::of_timing_wheel {

namespace {

using detail::timer_entry;
using wheel = detail::timing_wheel;
using ticks = std::vector<std::uint64_t>;

struct entry : timer_entry {
  explicit entry(std::uint64_t n = 0) : id(n) {}
  std::uint64_t id;
};

// The ids of what a call of advance() returned, in order.
ticks ids(const timer_entry* due) {
  ticks all;
  for (; due != nullptr; due = due->next)
    all.push_back(static_cast<const entry*>(due)->id);
  return all;
}

// The same where ticks are equal, whose order is open.
ticks sorted_ids(const timer_entry* due) {
  ticks all = ids(due);
  std::sort(all.begin(), all.end());
  return all;
}

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// Digits (base 64) of the ticks at which entries change their level.
constexpr std::uint64_t width(unsigned level) {
  return std::uint64_t(1) << (6 * level);
}

// Ticks around every boundary of every level.
ticks interesting_ticks() {
  ticks all;
  for (unsigned level = 0; level != 7; ++level)
    for (std::uint64_t digit : {1, 2, 63})
      for (int offset : {-1, 0, 1})
        if (const std::uint64_t tick = digit * width(level) + offset; tick != 0)
          all.push_back(tick);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(timing_wheel)

BOOST_AUTO_TEST_CASE(an_empty_wheel_has_nothing_to_wait_for) {
  wheel w;
  BOOST_TEST(w.size() == 0u);
  BOOST_TEST(w.next_event() == wheel::never);
  BOOST_TEST(w.advance(12345, unlimited) == nullptr);
  BOOST_TEST(w.next_event() == wheel::never);
}

BOOST_AUTO_TEST_CASE(an_entry_is_due_in_its_tick_and_not_one_earlier) {
  for (const std::uint64_t start : {0, 1, 63, 64, 4095, 4096, 1'000'003})
    for (const std::uint64_t tick : interesting_ticks()) {
      if (tick <= start)
        continue;
      BOOST_TEST_CONTEXT("armed at " << start << " for " << tick) {
        wheel w;
        w.advance(start, unlimited);
        entry e;
        w.arm(e, tick);
        BOOST_TEST(w.next_event() > start);
        BOOST_TEST(w.next_event() <= tick);
        BOOST_TEST(w.advance(tick - 1, unlimited) == nullptr);
        BOOST_TEST(w.next_event() == tick);
        BOOST_TEST(w.advance(tick, unlimited) == &e);
        BOOST_TEST(e.next == nullptr);
        BOOST_TEST(w.size() == 0u);
        BOOST_TEST(w.next_event() == wheel::never);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_tick_that_has_passed_is_due_in_the_next) {
  wheel w;
  w.advance(1000, unlimited);
  entry now(1);
  entry past(2);
  w.arm(now, 1000);
  w.arm(past, 3);
  BOOST_TEST(w.next_event() == 1001u);
  BOOST_TEST(w.advance(1000, unlimited) == nullptr);
  BOOST_TEST(sorted_ids(w.advance(1001, unlimited)) == (ticks{1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(following_next_event_moves_an_entry_at_most_six_times) {
  for (const std::uint64_t tick : interesting_ticks()) {
    wheel w;
    entry e;
    w.arm(e, tick);
    unsigned steps = 1;
    while (w.advance(w.next_event(), unlimited) == nullptr)
      ++steps;
    BOOST_TEST(steps <= 7u);
    if (tick < 64)
      BOOST_TEST(steps == 1u);
  }
}

BOOST_AUTO_TEST_CASE(the_far_future_counts_as_the_last_tick) {
  wheel w;
  entry last(1);
  entry beyond(2);
  entry never(3);
  w.arm(last, wheel::last_tick);
  w.arm(beyond, wheel::last_tick + 1);
  w.arm(never, wheel::never);
  BOOST_TEST(w.advance(wheel::last_tick - 1, unlimited) == nullptr);
  BOOST_TEST(w.size() == 3u);
  BOOST_TEST(w.next_event() == wheel::last_tick);
  BOOST_TEST(sorted_ids(w.advance(wheel::last_tick, unlimited)) ==
                 (ticks{1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_long_step_returns_everything_in_order_of_ticks) {
  const ticks all = interesting_ticks();
  std::mt19937_64 random(1);
  for (int round = 0; round != 20; ++round) {
    wheel w;
    ticks shuffled = all;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::deque<entry> entries;
    for (const std::uint64_t tick : shuffled)
      w.arm(entries.emplace_back(tick), tick);
    BOOST_TEST(w.size() == all.size());
    BOOST_TEST(ids(w.advance(wheel::last_tick, unlimited)) == all,
               boost::test_tools::per_element());
    BOOST_TEST(w.size() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(equal_ticks_come_together_wherever_they_were_armed) {
  // Armed from afar, from nearer and from next to it: at different levels.
  for (const std::uint64_t tick : interesting_ticks()) {
    wheel w;
    std::deque<entry> entries;
    ticks expected;
    std::uint64_t now = 0;
    for (const std::uint64_t before : {width(6),
                                       width(4),
                                       width(3),
                                       width(2),
                                       width(1) + 1,
                                       width(1),
                                       width(0) + 1,
                                       width(0)}) {
      if (before > tick || tick - before < now)
        continue;
      now = tick - before;
      BOOST_TEST_REQUIRE(w.advance(now, unlimited) == nullptr);
      for (int i = 0; i != 3; ++i) {
        expected.push_back(entries.size());
        w.arm(entries.emplace_back(entries.size()), tick);
      }
    }
    BOOST_TEST_REQUIRE(sorted_ids(w.advance(tick, unlimited)) == expected,
                       boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_disarmed_entry_is_never_due) {
  // At each stage of the entry: as armed, after every move down, and once due.
  bool was_due = false;
  for (unsigned moves = 0; !was_due; ++moves) {
    wheel w;
    entry e;
    w.arm(e, wheel::last_tick);
    for (unsigned i = 0; i != moves; ++i)
      was_due = w.advance(w.next_event(), unlimited) != nullptr;
    BOOST_TEST(w.disarm(e) == !was_due);
    BOOST_TEST(!w.disarm(e));
    BOOST_TEST(w.size() == 0u);
    BOOST_TEST(w.next_event() == wheel::never);
    BOOST_TEST(w.advance(wheel::last_tick, unlimited) == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(disarming_one_leaves_the_others_of_its_slot) {
  for (std::uint64_t leaving = 0; leaving != 3; ++leaving)
    for (const std::uint64_t tick : {5u, 5000u}) {
      wheel w;
      std::deque<entry> entries;
      ticks expected;
      for (std::uint64_t i = 0; i != 3; ++i) {
        w.arm(entries.emplace_back(i), tick);
        if (i != leaving)
          expected.push_back(i);
      }
      BOOST_TEST(w.disarm(entries[leaving]));
      BOOST_TEST(w.size() == 2u);
      BOOST_TEST(sorted_ids(w.advance(tick, unlimited)) == expected,
                 boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(an_entry_that_was_due_or_disarmed_can_be_armed_again) {
  wheel w;
  entry e;
  for (std::uint64_t tick : {1, 64, 100, 5000}) {
    w.arm(e, tick);
    BOOST_TEST(w.disarm(e));
    w.arm(e, tick);
    BOOST_TEST(w.advance(tick, unlimited) == &e);
  }
}

BOOST_AUTO_TEST_CASE(at_most_so_many_are_returned_and_the_rest_next_time) {
  for (std::size_t most : {1, 2, 3}) {
    wheel w;
    std::deque<entry> entries;
    ticks expected;
    for (const std::uint64_t tick : {10, 10, 10, 10, 70, 70, 5000}) {
      expected.push_back(tick);
      w.arm(entries.emplace_back(tick), tick);
    }
    ticks seen;
    for (;;) {
      const ticks some = ids(w.advance(6000, most));
      BOOST_TEST(some.size() == std::min(most, expected.size() - seen.size()));
      if (some.empty())
        break;
      seen.insert(seen.end(), some.begin(), some.end());
      BOOST_TEST(w.size() == expected.size() - seen.size());
    }
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(between_two_batches_entries_can_come_and_go) {
  wheel w;
  std::deque<entry> entries;
  for (std::uint64_t i = 0; i != 4; ++i)
    w.arm(entries.emplace_back(i), 100 + i);
  BOOST_TEST(ids(w.advance(200, 2)) == (ticks{0, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(!w.disarm(entries[1]));
  BOOST_TEST(w.disarm(entries[2]));
  w.arm(entries.emplace_back(4), 100); // Due in 102: the wheel is at 101.
  w.arm(entries.emplace_back(5), 300);
  BOOST_TEST(w.next_event() <= 102u);
  BOOST_TEST(ids(w.advance(200, 9)) == (ticks{4, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(w.advance(200, 9) == nullptr);
  BOOST_TEST(w.next_event() > 200u);
  BOOST_TEST(w.next_event() <= 300u);
}

BOOST_AUTO_TEST_CASE(time_does_not_go_back) {
  wheel w;
  entry e;
  w.advance(500, unlimited);
  BOOST_TEST(w.advance(3, unlimited) == nullptr);
  w.arm(e, 7);
  BOOST_TEST(w.advance(500, unlimited) == nullptr);
  BOOST_TEST(w.advance(501, unlimited) == &e);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_timing_wheel
