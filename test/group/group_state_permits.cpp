// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The rules of a group whose children need permits, too.

#include "group/group_state.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::test {

namespace {

using detail::group_queue;
using detail::group_waiter;
using rules = detail::group_state;
using admission = rules::admission;
using wait_result = group_waiter::wait_result;

// `free` of `most` permits are free.
struct few_permits final : detail::permit_source {
  std::size_t free = 0;
  std::size_t most = 10;
  std::size_t asked = 0; // 0: for nothing

  bool try_take(std::size_t n) noexcept override {
    const bool got = n <= free;
    free -= got ? n : 0;
    return got;
  }
  answer take_first(std::size_t n) noexcept override {
    asked = 0;
    if (n > most)
      return answer::never;
    if (try_take(n))
      return answer::taken;
    asked = n;
    return answer::later;
  }
  void none_wanted() noexcept override { asked = 0; }
};

struct permit_fixture {
  few_permits permits;
  group_queue woken;
  std::uint64_t index = 0;

  admission ask(rules& group,
                group_waiter* w,
                std::size_t weight = 1,
                rules::lends lends = rules::lends::nothing,
                std::size_t lent = 1) {
    const admission answer = group.admit(w, {lends, weight, lent}, index);
    if (w != nullptr && w->state == wait_result::queued)
      group.admit_waiting(woken);
    return answer;
  }
  bool wakes(group_waiter& w, wait_result expected) {
    return woken.pop_front() == &w && w.state == expected;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(group_state_permits, permit_fixture)

BOOST_AUTO_TEST_CASE(a_child_starts_with_a_slot_and_a_permit_only) {
  rules group(2, rules::no_limit, &permits);
  group_waiter first;
  BOOST_TEST((ask(group, nullptr) == admission::full));
  BOOST_TEST((ask(group, &first, 3) == admission::queued));
  BOOST_TEST(permits.asked == 3u);
  BOOST_TEST(!group.is_at_rest());
  BOOST_TEST(group.children() == 0u);
  permits.free = 5;
  group.admit_waiting(woken);
  BOOST_TEST(wakes(first, wait_result::granted));
  BOOST_TEST(permits.free == 2u);
  BOOST_TEST(permits.asked == 0u);
  BOOST_TEST((ask(group, nullptr, 1) == admission::started));
  BOOST_TEST((ask(group, nullptr, 1) == admission::full)); // no slot
  BOOST_TEST(permits.free == 1u);
}

BOOST_AUTO_TEST_CASE(without_a_free_slot_nothing_is_asked_for) {
  rules group(1, rules::no_limit, &permits);
  permits.free = 1;
  group_waiter waits;
  ask(group, nullptr);
  BOOST_TEST((ask(group, &waits, 2) == admission::queued));
  BOOST_TEST(permits.asked == 0u);
  group.end(rules::ending::completed, nullptr, woken);
  BOOST_TEST(permits.asked == 2u);
  BOOST_TEST(group.withdraw(waits, woken));
  BOOST_TEST(permits.asked == 0u);
  BOOST_TEST(group.is_at_rest());
}

BOOST_AUTO_TEST_CASE(one_that_leaves_lets_those_behind_it_start) {
  rules group(5, rules::no_limit, &permits);
  permits.free = 2;
  std::array<group_waiter, 3> waiters;
  ask(group, &waiters[0], 4);
  ask(group, &waiters[1], 1);
  ask(group, &waiters[2], 2);
  BOOST_TEST(permits.asked == 4u);
  BOOST_TEST(group.withdraw(waiters[0], woken));
  BOOST_TEST(wakes(waiters[1], wait_result::granted));
  BOOST_TEST(woken.empty());
  BOOST_TEST(permits.asked == 2u);
}

BOOST_AUTO_TEST_CASE(who_wants_more_than_there_is_is_told_and_the_end_too) {
  rules group(5, rules::no_limit, &permits);
  group_waiter heavy;
  group_waiter joiner;
  ask(group, &heavy, 8);
  BOOST_TEST(!group.join(joiner, woken));
  permits.most = 7;
  group.admit_waiting(woken);
  BOOST_TEST(wakes(heavy, wait_result::oversized));
  BOOST_TEST(wakes(joiner, wait_result::granted));
  BOOST_TEST(group.counted().rejected == 1u);
}

BOOST_AUTO_TEST_CASE(a_child_lends_slot_and_permits_and_gets_both_back) {
  rules group(1, rules::no_limit, &permits);
  permits.free = 2;
  group_waiter lender;
  ask(group, nullptr, 2);
  BOOST_TEST((ask(group, &lender, 1, rules::lends::all, 2) == admission::lent));
  permits.free = 2; // as the driver does when the child ends
  group.end(rules::ending::completed, nullptr, woken);
  BOOST_TEST(wakes(lender, wait_result::restored));
  BOOST_TEST(permits.free == 0u);
  BOOST_TEST(group.counted().in_flight == 1u);
}

BOOST_AUTO_TEST_CASE(a_task_from_outside_lends_its_permits_alone) {
  rules group(1, rules::no_limit, &permits);
  group_waiter lender;
  group_waiter again;
  BOOST_TEST(
      (ask(group, &lender, 1, rules::lends::permit, 3) == admission::lent));
  BOOST_TEST(group.counted().in_flight == 1u);
  BOOST_TEST(permits.asked == 3u);
  // There is no slot to be lent.
  BOOST_TEST(
      (ask(group, &again, 1, rules::lends::permit, 3) == admission::queued));
  permits.free = 3;
  group.admit_waiting(woken);
  BOOST_TEST(wakes(lender, wait_result::restored));
  BOOST_TEST(woken.empty());
}

BOOST_AUTO_TEST_CASE(a_cancellation_lets_lenders_go_on_without) {
  rules group(1, rules::no_limit, &permits);
  std::array<group_waiter, 3> waiters;
  ask(group, &waiters[0], 1, rules::lends::permit, 1);
  ask(group, &waiters[1], 1, rules::lends::all, 1);
  ask(group, &waiters[2], 1);
  group.cancel(rules::cause::own, woken);
  BOOST_TEST(wakes(waiters[1], wait_result::granted));
  BOOST_TEST(wakes(waiters[0], wait_result::granted));
  BOOST_TEST(wakes(waiters[2], wait_result::refused));
  BOOST_TEST(permits.asked == 0u);
  group_waiter late;
  BOOST_TEST(!group.rejoin(late, 1));
}

BOOST_AUTO_TEST_CASE(a_rejoiner_wants_its_permits_and_no_slot) {
  rules group(1, rules::no_limit, &permits);
  permits.free = 1;
  group_waiter joins;
  group_waiter behind;
  ask(group, nullptr);
  ask(group, &behind);
  BOOST_TEST(group.rejoin(joins, 2));
  group.admit_waiting(woken);
  BOOST_TEST(permits.asked == 2u);
  permits.free = 2;
  group.admit_waiting(woken);
  BOOST_TEST(wakes(joins, wait_result::restored));
  BOOST_TEST(woken.empty());
  BOOST_TEST(group.counted().in_flight == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
