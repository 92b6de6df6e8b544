// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The rules of a group, one by one and without an executor. All their
// combinations: group_state_enumerated.cpp.

#include "group/group_state.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace weir::test::of_group_state {

namespace {

using detail::group_queue;
using detail::group_waiter;
using rules = detail::group_state;
using admission = rules::admission;
using cause = rules::cause;
using ending = rules::ending;
using wait_result = group_waiter::wait_result;

// Requests for slots, and their answers.
struct group_fixture {
  group_queue woken;
  std::uint64_t index = 0;

  admission ask(rules& group, group_waiter* w, bool lends = false) {
    return group.admit(
        w, {lends ? rules::lends::all : rules::lends::nothing}, index);
  }
  // Takes the first of `woken`, which must be `w`.
  bool wakes(group_waiter& w, wait_result expected) {
    return woken.pop_front() == &w && w.state == expected;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(group_state)

BOOST_FIXTURE_TEST_CASE(below_the_cap_children_start_in_order_of_spawn,
                        group_fixture) {
  rules group(2);
  for (std::uint64_t n = 0; n != 2; ++n) {
    group_waiter unused;
    BOOST_TEST((ask(group, &unused) == admission::started));
    BOOST_TEST(index == n);
    BOOST_TEST((unused.state == wait_result::none));
  }
  BOOST_TEST(group.counted().in_flight == 2u);
  BOOST_TEST((ask(group, nullptr) == admission::full));
  BOOST_TEST(group.counted().rejected == 1u);
}

BOOST_FIXTURE_TEST_CASE(spawners_are_admitted_first_come_first_served,
                        group_fixture) {
  rules group(1);
  std::array<group_waiter, 4> waiters;
  ask(group, nullptr);
  for (group_waiter& w : waiters)
    BOOST_TEST((ask(group, &w) == admission::queued));
  BOOST_TEST(group.counted().waiting == 4u);
  for (std::size_t i = 0; i != waiters.size(); ++i) {
    group.end(ending::completed, nullptr, woken);
    BOOST_TEST(wakes(waiters[i], wait_result::granted));
    BOOST_TEST(waiters[i].index == i + 1);
    BOOST_TEST(woken.empty());
  }
}

BOOST_FIXTURE_TEST_CASE(whoever_gives_up_leaves_the_order_of_the_others,
                        group_fixture) {
  for (std::size_t leaving = 0; leaving != 3; ++leaving) {
    rules group(1);
    std::array<group_waiter, 3> waiters;
    ask(group, nullptr);
    for (group_waiter& w : waiters)
      ask(group, &w);
    BOOST_TEST(group.withdraw(waiters[leaving], woken));
    BOOST_TEST(!group.withdraw(waiters[leaving], woken));
    BOOST_TEST(group.counted().waiting == 2u);
    BOOST_TEST(group.counted().rejected == 1u);
    for (std::size_t i = 0; i != 3; ++i) {
      if (i == leaving)
        continue;
      group.end(ending::completed, nullptr, woken);
      BOOST_TEST(wakes(waiters[i], wait_result::granted));
      BOOST_TEST(!group.withdraw(waiters[i], woken));
    }
    group.end(ending::completed, nullptr, woken);
    BOOST_TEST(woken.empty());
  }
}

BOOST_FIXTURE_TEST_CASE(cancel_refuses_whoever_waits_and_whoever_comes,
                        group_fixture) {
  rules group(1);
  std::array<group_waiter, 3> waiters;
  ask(group, nullptr);
  for (group_waiter& w : waiters)
    ask(group, &w);
  BOOST_TEST(group.cancel(cause::failure, woken));
  for (group_waiter& w : waiters)
    BOOST_TEST(wakes(w, wait_result::refused));
  group_waiter late;
  BOOST_TEST((ask(group, &late) == admission::cancelled));
  BOOST_TEST((ask(group, nullptr) == admission::cancelled));
  group.set_cap(10, woken);
  group.end(ending::cancelled, nullptr, woken);
  BOOST_TEST(woken.empty());
  BOOST_TEST(group.counted().spawned == 1u);
  BOOST_TEST(group.counted().rejected == 5u);
}

BOOST_FIXTURE_TEST_CASE(the_first_cause_of_a_cancellation_counts,
                        group_fixture) {
  rules group(1);
  BOOST_TEST(!group.is_cancelled());
  BOOST_TEST(group.cancel(cause::deadline, woken));
  BOOST_TEST(!group.cancel(cause::failure, woken));
  BOOST_TEST((group.cancelled_by() == cause::deadline));
}

BOOST_FIXTURE_TEST_CASE(a_joined_group_is_closed_and_cannot_be_cancelled,
                        group_fixture) {
  rules group(1);
  group_waiter joiner;
  BOOST_TEST(group.join(joiner, woken));
  BOOST_TEST(group.join(joiner, woken));
  BOOST_TEST((ask(group, nullptr) == admission::closed));
  BOOST_TEST(!group.cancel(cause::own, woken));
  BOOST_TEST(!group.is_cancelled());
}

BOOST_FIXTURE_TEST_CASE(close_still_admits_whoever_waits, group_fixture) {
  rules group(1);
  group_waiter waiter;
  group_waiter late;
  ask(group, nullptr);
  ask(group, &waiter);
  group.close();
  BOOST_TEST((ask(group, &late) == admission::closed));
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(waiter, wait_result::granted));
}

BOOST_FIXTURE_TEST_CASE(growing_admits_exactly_the_new_slots, group_fixture) {
  rules group(1);
  std::array<group_waiter, 5> waiters;
  ask(group, nullptr);
  for (group_waiter& w : waiters)
    ask(group, &w);
  group.set_cap(3, woken);
  BOOST_TEST(wakes(waiters[0], wait_result::granted));
  BOOST_TEST(wakes(waiters[1], wait_result::granted));
  BOOST_TEST(woken.empty());
}

BOOST_FIXTURE_TEST_CASE(shrinking_stops_nobody_and_admits_below_the_new_cap,
                        group_fixture) {
  rules group(3);
  group_waiter waiter;
  for (int i = 0; i != 3; ++i)
    ask(group, nullptr);
  ask(group, &waiter);
  group.set_cap(1, woken);
  for (int i = 0; i != 2; ++i) {
    BOOST_TEST(group.counted().in_flight == std::size_t(3 - i));
    group.end(ending::completed, nullptr, woken);
    BOOST_TEST(woken.empty());
  }
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(waiter, wait_result::granted));
}

BOOST_FIXTURE_TEST_CASE(a_child_lends_its_slot_and_gets_the_next_one_back,
                        group_fixture) {
  rules group(1);
  group_waiter spawner;
  group_waiter lender;
  ask(group, nullptr);
  ask(group, &spawner);
  BOOST_TEST((ask(group, &lender, true) == admission::lent));
  BOOST_TEST(index == 1u);
  BOOST_TEST(group.counted().in_flight == 1u);
  BOOST_TEST(group.children() == 2u);
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(lender, wait_result::granted));
  BOOST_TEST(woken.empty());
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(spawner, wait_result::granted));
}

BOOST_FIXTURE_TEST_CASE(a_chain_of_lenders_ends_from_its_tip, group_fixture) {
  constexpr std::size_t depth = 1000;
  rules group(1);
  std::vector<group_waiter> lenders(depth);
  ask(group, nullptr);
  for (group_waiter& w : lenders)
    BOOST_TEST_REQUIRE((ask(group, &w, true) == admission::lent));
  BOOST_TEST(group.counted().peak == 1u);
  for (std::size_t i = depth; i-- != 0;) {
    group.end(ending::completed, nullptr, woken);
    BOOST_TEST_REQUIRE(wakes(lenders[i], wait_result::granted));
  }
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(group.children() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_lender_that_gives_up_runs_on_over_the_cap,
                        group_fixture) {
  rules group(1);
  group_waiter lender;
  group_waiter spawner;
  ask(group, nullptr);
  ask(group, &lender, true);
  ask(group, &spawner);
  BOOST_TEST(group.withdraw(lender, woken));
  BOOST_TEST(group.counted().in_flight == 2u);
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(woken.empty()); // Back at the cap, not below it.
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(spawner, wait_result::granted));
}

BOOST_FIXTURE_TEST_CASE(joiners_are_woken_together_by_the_last_child,
                        group_fixture) {
  rules group(2);
  std::array<group_waiter, 3> joiners;
  ask(group, nullptr);
  ask(group, nullptr);
  for (group_waiter& w : joiners)
    BOOST_TEST(!group.join(w, woken));
  BOOST_TEST(group.withdraw(joiners[1], woken));
  group.end(ending::failed, nullptr, woken);
  BOOST_TEST(woken.empty());
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(joiners[0], wait_result::granted));
  BOOST_TEST(wakes(joiners[2], wait_result::granted));
  BOOST_TEST(woken.empty());
  BOOST_TEST((ask(group, nullptr) == admission::closed));
}

BOOST_FIXTURE_TEST_CASE(a_join_waits_for_those_that_still_wait_for_a_slot,
                        group_fixture) {
  rules group(1);
  group_waiter spawner;
  group_waiter joiner;
  ask(group, nullptr);
  ask(group, &spawner);
  group.join(joiner, woken);
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(spawner, wait_result::granted));
  BOOST_TEST(woken.empty());
  group.end(ending::completed, nullptr, woken);
  BOOST_TEST(wakes(joiner, wait_result::granted));
}

BOOST_FIXTURE_TEST_CASE(a_start_taken_back_gives_its_slot_to_the_next,
                        group_fixture) {
  rules group(1);
  group_waiter spawner;
  group_waiter joiner;
  ask(group, nullptr);
  ask(group, &spawner);
  group.join(joiner, woken);
  group.retract(woken);
  BOOST_TEST(wakes(spawner, wait_result::granted));
  BOOST_TEST(group.counted().spawned == 2u);
  group.retract(woken);
  BOOST_TEST(wakes(joiner, wait_result::granted));
  BOOST_TEST(group.counted().spawned == 2u);
  BOOST_TEST(group.counted().cancelled == 2u);
}

BOOST_FIXTURE_TEST_CASE(the_largest_caps_do_not_overflow, group_fixture) {
  constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();
  for (std::size_t cap : {largest, largest - 1}) {
    rules group(cap);
    for (int i = 0; i != 1000; ++i)
      BOOST_TEST_REQUIRE((ask(group, nullptr, true) == admission::started));
    group_waiter waiter;
    group.set_cap(1, woken);
    BOOST_TEST((ask(group, &waiter) == admission::queued));
    group.set_cap(cap, woken);
    BOOST_TEST(wakes(waiter, wait_result::granted));
    BOOST_TEST(group.cap() == cap);
    BOOST_TEST(group.counted().in_flight == 1001u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_group_state
