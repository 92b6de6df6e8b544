// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The timing wheel against std::multimap.

#include "runtime/timing_wheel.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

namespace {

using detail::timer_entry;
using wheel = detail::timing_wheel;

// A wheel and a sorted list that get the same calls.
class twins {
public:
  explicit twins(std::uint64_t seed) : random_(seed) {}

  // What differs after one random call; empty if nothing does.
  std::string step() {
    std::string wrong;
    switch (below(4)) {
    case 0:
    case 1:
      arm();
      break;
    case 2:
      wrong = disarm();
      break;
    case 3:
      wrong = advance();
      break;
    }
    if (!wrong.empty())
      return wrong;
    if (wheel_.size() != list_.size())
      return "size";
    const std::uint64_t event = wheel_.next_event();
    if (list_.empty() ? event != wheel::never
                      : event <= now_ || event > list_.begin()->first)
      return "next_event";
    return {};
  }

private:
  using due = std::pair<std::uint64_t, const timer_entry*>;

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  // With any number of digits (base 64).
  std::uint64_t distance() {
    return below(std::uint64_t(1) << (6 * (1 + below(5))));
  }

  void arm() {
    // Sometimes for the tick of another entry.
    const std::uint64_t tick = list_.empty() || below(4) != 0
                                   ? now_ + distance()
                                   : list_.rbegin()->first;
    timer_entry& e = entries_.emplace_back();
    wheel_.arm(e, tick);
    list_.emplace(std::max(tick, now_ + 1), &e);
  }

  std::string disarm() {
    if (entries_.empty())
      return {};
    timer_entry& e = entries_[below(entries_.size())];
    const auto at = std::find_if(
        list_.begin(), list_.end(), [&](auto& x) { return x.second == &e; });
    if (wheel_.disarm(e) != (at != list_.end()))
      return "disarm";
    if (at != list_.end())
      list_.erase(at);
    return {};
  }

  // To the next event, as a clock would, or by a random distance.
  std::string advance() {
    const std::uint64_t event = wheel_.next_event();
    now_ =
        below(2) != 0 && event != wheel::never ? event : now_ + distance() / 16;
    std::vector<due> expected;
    while (!list_.empty() && list_.begin()->first <= now_) {
      expected.push_back(*list_.begin());
      list_.erase(list_.begin());
    }
    std::vector<due> seen;
    while (timer_entry* some = wheel_.advance(now_, 1 + below(8)))
      for (; some != nullptr; some = some->next)
        seen.emplace_back(std::uint64_t(some->tick), some);
    if (!std::is_sorted(seen.begin(), seen.end(), [](auto& a, auto& b) {
          return a.first < b.first;
        }))
      return "order";
    // The order of equal ticks: timing_wheel.cpp.
    std::sort(seen.begin(), seen.end());
    std::sort(expected.begin(), expected.end());
    return seen == expected ? "" : "advance";
  }

  std::mt19937_64 random_;
  wheel wheel_;
  std::deque<timer_entry> entries_;
  std::multimap<std::uint64_t, const timer_entry*> list_;
  std::uint64_t now_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(timing_wheel_random)

BOOST_AUTO_TEST_CASE(it_behaves_like_a_sorted_list) {
  const char* given = std::getenv("WEIR_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::stoull(given) : std::random_device{}();
  BOOST_TEST_MESSAGE("WEIR_SEED=" << seed);
  std::string wrong;
  for (std::uint64_t round = 0; round != 20 && wrong.empty(); ++round) {
    twins both(seed + round);
    for (int step = 0; step != 5000 && wrong.empty(); ++step)
      wrong = both.step();
  }
  BOOST_TEST(wrong.empty(), wrong << " differs, WEIR_SEED=" << seed);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
