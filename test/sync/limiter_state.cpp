// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The rules of a limiter, without an executor.

#include "sync/limiter_state.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <vector>

namespace weir::test::of_limiter_state {

namespace {

using detail::limiter_node;
using detail::limiter_queue;
using rules = detail::limiter_state;
using answer = rules::answer;

void settled(limiter_node&, bool) noexcept {}

// Nodes that request permits, and those that each call grants or refuses.
struct limiter_fixture {
  limiter_node wants(std::size_t weight) { return {&settled, weight}; }

  // Empties `queue`; the places in `all` of those that were in it.
  template <std::size_t N>
  std::vector<std::size_t> taken(limiter_queue& queue,
                                 std::array<limiter_node, N>& all) {
    std::vector<std::size_t> places;
    while (limiter_node* n = queue.pop_front())
      places.push_back(static_cast<std::size_t>(n - all.data()));
    return places;
  }

  limiter_queue granted;
  limiter_queue refused;
};

using places = std::vector<std::size_t>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(limiter_state, limiter_fixture)

BOOST_AUTO_TEST_CASE(weights_add_up_to_the_capacity_and_no_further) {
  rules l(5);
  std::array n{wants(2), wants(3), wants(1)};
  BOOST_TEST((l.acquire(n[0]) == answer::granted));
  BOOST_TEST(l.available() == 3u);
  BOOST_TEST((l.acquire(n[1]) == answer::granted));
  BOOST_TEST(l.in_use() == 5u);
  BOOST_TEST(l.available() == 0u);
  BOOST_TEST(!l.try_acquire(1));
  BOOST_TEST((l.acquire(n[2]) == answer::queued));
  BOOST_TEST(l.waiting() == 1u);
  l.release(2, granted);
  BOOST_TEST((taken(granted, n) == places{2}));
  BOOST_TEST(!n[2].queued);
  BOOST_TEST(l.in_use() == 4u);
  BOOST_TEST(l.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(who_wants_much_is_not_overtaken) {
  rules l(4);
  std::array n{wants(4), wants(1), wants(1)};
  BOOST_TEST(l.try_acquire(2));
  for (limiter_node& each : n)
    BOOST_TEST((l.acquire(each) == answer::queued));
  BOOST_TEST(l.available() == 2u);
  BOOST_TEST(!l.try_acquire(1)); // not by a call that does not wait either
  l.release(2, granted);
  BOOST_TEST((taken(granted, n) == places{0}));
  l.release(4, granted);
  BOOST_TEST((taken(granted, n) == places{1, 2}));
  BOOST_TEST(l.in_use() == 2u);
}

BOOST_AUTO_TEST_CASE(one_release_serves_all_that_fit_in_their_order) {
  rules l(6);
  std::array n{wants(1), wants(2), wants(3), wants(1)};
  BOOST_TEST(l.try_acquire(6));
  for (limiter_node& each : n)
    l.acquire(each);
  l.release(6, granted);
  BOOST_TEST((taken(granted, n) == places{0, 1, 2}));
  BOOST_TEST(l.waiting() == 1u);
}

BOOST_AUTO_TEST_CASE(who_gives_up_leaves_the_order_of_the_others) {
  for (std::size_t leaving = 0; leaving != 3; ++leaving) {
    BOOST_TEST_CONTEXT("leaving " << leaving) {
      rules l(3);
      std::array n{wants(3), wants(3), wants(3)};
      BOOST_TEST(l.try_acquire(1));
      for (limiter_node& each : n)
        l.acquire(each);
      BOOST_TEST(l.withdraw(n[leaving], granted));
      BOOST_TEST(!l.withdraw(n[leaving], granted));
      BOOST_TEST(granted.empty());
      places order;
      for (std::size_t held = 1; l.waiting() != 0; held = 3) {
        l.release(held, granted);
        const places next = taken(granted, n);
        order.insert(order.end(), next.begin(), next.end());
      }
      places expected{0, 1, 2};
      expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(leaving));
      BOOST_TEST((order == expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_first_that_gives_up_lets_those_behind_it_through) {
  rules l(4);
  std::array n{wants(4), wants(1), wants(2), wants(1)};
  BOOST_TEST(l.try_acquire(1));
  for (limiter_node& each : n)
    l.acquire(each);
  BOOST_TEST(l.withdraw(n[0], granted));
  BOOST_TEST((taken(granted, n) == places{1, 2}));
  BOOST_TEST(l.in_use() == 4u);
}

BOOST_AUTO_TEST_CASE(a_raised_capacity_admits_what_now_fits) {
  rules l(2);
  std::array n{wants(2), wants(2), wants(1)};
  BOOST_TEST(l.try_acquire(2));
  for (limiter_node& each : n)
    l.acquire(each);
  l.set_capacity(3, granted, refused);
  BOOST_TEST(granted.empty());
  l.set_capacity(6, granted, refused);
  BOOST_TEST((taken(granted, n) == places{0, 1}));
  l.set_capacity(std::numeric_limits<std::size_t>::max(), granted, refused);
  BOOST_TEST((taken(granted, n) == places{2}));
  BOOST_TEST(refused.empty());
}

BOOST_AUTO_TEST_CASE(a_lowered_capacity_takes_nothing_away) {
  rules l(4);
  std::array n{wants(1)};
  BOOST_TEST(l.try_acquire(4));
  l.acquire(n[0]);
  l.set_capacity(2, granted, refused);
  BOOST_TEST(l.in_use() == 4u);
  BOOST_TEST(l.available() == 0u); // not a negative number
  l.release(1, granted);
  l.release(1, granted);
  BOOST_TEST(granted.empty()); // at the capacity
  l.release(1, granted);
  BOOST_TEST((taken(granted, n) == places{0}));
}

BOOST_AUTO_TEST_CASE(who_no_longer_fits_at_all_is_refused) {
  rules l(5);
  std::array n{wants(4), wants(1), wants(5), wants(2)};
  BOOST_TEST(l.try_acquire(2));
  for (limiter_node& each : n)
    l.acquire(each);
  l.set_capacity(3, granted, refused);
  BOOST_TEST((taken(refused, n) == places{0, 2}));
  BOOST_TEST((taken(granted, n) == places{1})); // it was blocked
  BOOST_TEST(l.waiting() == 1u);
  std::array late{wants(4)};
  BOOST_TEST((l.acquire(late[0]) == answer::refused));
  BOOST_TEST(!late[0].queued);
}

BOOST_AUTO_TEST_CASE(the_largest_weights_do_not_overflow) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  rules l(most);
  std::array n{wants(most)};
  BOOST_TEST(l.try_acquire(most - 1));
  BOOST_TEST(l.available() == 1u);
  BOOST_TEST((l.acquire(n[0]) == answer::queued));
  l.release(most - 1, granted);
  BOOST_TEST((taken(granted, n) == places{0}));
  BOOST_TEST(l.in_use() == most);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_limiter_state
