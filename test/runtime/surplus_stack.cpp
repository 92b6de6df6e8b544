// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The chains of tasks that deques had no room for, on one thread.

#include "runtime/surplus_stack.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace weir::test::of_surplus_stack {

namespace {

struct chains {
  // Item i is the first of a chain of two or three.
  chains() {
    for (std::size_t i = 0; i != items.size(); ++i) {
      items[i][0].ready_next = &items[i][1];
      if (i % 2 != 0)
        items[i][1].ready_next = &items[i][2];
    }
  }
  char name(const detail::ready_item* chain) const {
    for (std::size_t i = 0; i != items.size(); ++i)
      if (chain == items[i].data())
        return static_cast<char>('0' + i);
    return '-';
  }
  bool is_whole(std::size_t i) const {
    return items[i][0].ready_next == &items[i][1] &&
           items[i][1].ready_next == (i % 2 != 0 ? &items[i][2] : nullptr);
  }

  std::array<std::array<detail::ready_item, 3>, 5> items;
  detail::surplus_stack stack;
};

} // namespace

BOOST_AUTO_TEST_SUITE(surplus_stack)

BOOST_AUTO_TEST_CASE(chains_come_out_at_both_ends) {
  chains of;
  BOOST_TEST(of.stack.looks_empty());
  for (std::size_t i = 0; i != 4; ++i)
    of.stack.push(detail::surplus_stack::newest, of.items[i][0]);
  of.stack.push(detail::surplus_stack::oldest, of.items[4][0]);
  BOOST_TEST(!of.stack.looks_empty());
  std::string order;
  order += of.name(of.stack.pop(detail::surplus_stack::newest));
  order += of.name(of.stack.pop(detail::surplus_stack::oldest));
  order += of.name(of.stack.pop(detail::surplus_stack::oldest));
  order += of.name(of.stack.pop(detail::surplus_stack::newest));
  BOOST_TEST(!of.stack.looks_empty());
  order += of.name(of.stack.pop(detail::surplus_stack::oldest));
  BOOST_TEST(order == "34021");
  BOOST_TEST(of.stack.looks_empty());
  BOOST_TEST((of.stack.pop(detail::surplus_stack::newest) == nullptr));
  BOOST_TEST((of.stack.pop(detail::surplus_stack::oldest) == nullptr));
  for (std::size_t i = 0; i != of.items.size(); ++i)
    BOOST_TEST(of.is_whole(i));
}

BOOST_AUTO_TEST_CASE(an_empty_one_is_filled_again_from_either_end) {
  chains of;
  for (const bool newest_in : {false, true})
    for (const bool newest_out : {false, true}) {
      if (newest_in)
        of.stack.push(detail::surplus_stack::newest, of.items[0][0]);
      else
        of.stack.push(detail::surplus_stack::oldest, of.items[0][0]);
      BOOST_TEST(of.name(newest_out
                             ? of.stack.pop(detail::surplus_stack::newest)
                             : of.stack.pop(detail::surplus_stack::oldest)) ==
                 '0');
      BOOST_TEST(of.stack.looks_empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_surplus_stack
