// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A worker's deque, on one thread. explorer/steal_schedules.cpp has the
// thieves.

#include "runtime/work_deque.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::test::of_work_deque {

namespace {

constexpr std::uint32_t room = 8;

struct filled {
  explicit filled(std::size_t n) {
    for (std::size_t i = 0; i != n; ++i)
      BOOST_REQUIRE(deque.push(items[i]));
  }
  // Which item it is, as a digit; '-' for none.
  char name(const detail::ready_item* item) const {
    return item == nullptr ? '-'
                           : static_cast<char>('0' + (item - items.data()));
  }
  // All that is left, as the owner takes it.
  std::string rest() {
    std::string order;
    while (const detail::ready_item* const item = deque.pop(false))
      order += name(item);
    return order;
  }

  std::array<detail::ready_item, 10> items;
  detail::basic_work_deque<detail::std_sync, room> deque;
};

} // namespace

BOOST_AUTO_TEST_SUITE(work_deque)

BOOST_AUTO_TEST_CASE(the_owner_takes_the_newest_and_a_thief_the_oldest) {
  filled of(4);
  BOOST_TEST(of.name(of.deque.pop(false)) == '3');
  BOOST_TEST(of.name(of.deque.steal()) == '0');
  BOOST_TEST(of.deque.size() == 2u);
  BOOST_TEST(of.name(of.deque.pop(true)) == '2');
  BOOST_TEST(of.name(of.deque.steal()) == '1');
  BOOST_TEST(of.name(of.deque.steal()) == '-');
  BOOST_TEST(of.name(of.deque.pop(false)) == '-');
  BOOST_TEST(of.name(of.deque.pop(true)) == '-');
  BOOST_TEST(of.deque.looks_empty());
}

BOOST_AUTO_TEST_CASE(a_full_one_refuses_and_is_split) {
  filled of(room);
  BOOST_TEST(!of.deque.push(of.items[8]));
  BOOST_TEST(!of.deque.push_below(of.items[8], 1));
  std::string split;
  for (const detail::ready_item* item = of.deque.split(); item != nullptr;
       item = item->ready_next)
    split += of.name(item);
  BOOST_TEST(split == "0123");
  BOOST_TEST(of.deque.push(of.items[8]));
  BOOST_TEST(of.rest() == "87654");
}

BOOST_AUTO_TEST_CASE(a_task_is_put_below_the_newest) {
  const std::array<const char*, 6> orders{
      "43210", "34210", "32410", "32140", "32104", "32104"};
  for (std::uint32_t below = 0; below != orders.size(); ++below) {
    filled of(4);
    BOOST_TEST(of.deque.push_below(of.items[4], below));
    BOOST_TEST(of.rest() == orders[below], "below " << below);
  }
}

// 2^32 positions would take too long: the slots go around often enough.
BOOST_AUTO_TEST_CASE(the_slots_are_used_again_and_again) {
  filled of(0);
  for (std::uint32_t i = 0; i != 10 * room; ++i) {
    for (std::size_t k = 0; k != 3; ++k)
      BOOST_TEST(of.deque.push(of.items[k]));
    BOOST_TEST(of.name(of.deque.steal()) == '0');
    BOOST_TEST(of.deque.push_below(of.items[3], 2));
    BOOST_TEST(of.rest() == "213");
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_work_deque
