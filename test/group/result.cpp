// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/result.hpp>

#include "support/says.hpp"

#include <boost/test/unit_test.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_result {

BOOST_AUTO_TEST_SUITE(result)

using weir::result;

std::exception_ptr boom() {
  return std::make_exception_ptr(std::runtime_error("boom"));
}

// Neither default-constructible nor copyable.
struct picky {
  explicit picky(int i) : n(i) {}
  picky(picky&&) = default;
  picky& operator=(picky&&) = default;
  int n;
};

BOOST_AUTO_TEST_CASE(it_holds_a_value_and_no_error) {
  result<std::string> r(std::in_place, 3u, 'x');
  BOOST_TEST(r.has_value());
  BOOST_TEST(!r.has_error());
  BOOST_TEST(static_cast<bool>(r));
  BOOST_TEST(r.value() == "xxx");
  BOOST_TEST(*r == "xxx");
  BOOST_TEST(r->size() == 3u);
  BOOST_TEST(!r.error());
  BOOST_TEST(std::as_const(r).value() == "xxx");
}

BOOST_AUTO_TEST_CASE(it_holds_an_error_and_value_throws_it_each_time) {
  const result<int> r(boom());
  BOOST_TEST(r.has_error());
  BOOST_TEST(!r);
  BOOST_TEST(text_of(r.error()) == "boom");
  for (int i = 0; i != 2; ++i)
    BOOST_CHECK_EXCEPTION((void)r.value(), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(the_value_need_not_be_copyable_nor_default_constructible) {
  result<picky> r(std::in_place, 7);
  picky out = std::move(r).value();
  BOOST_TEST(out.n == 7);
  r = result<picky>(boom());
  BOOST_TEST(r.has_error());
  static_assert(!std::is_copy_constructible_v<result<picky>>);
  static_assert(!std::is_default_constructible_v<result<picky>>);
  static_assert(std::is_nothrow_move_constructible_v<result<picky>>);
}

BOOST_AUTO_TEST_CASE(the_value_may_be_an_exception_pointer) {
  result<std::exception_ptr> r(std::in_place, boom());
  BOOST_TEST(r.has_value());
  BOOST_TEST(text_of(*r) == "boom");
}

BOOST_AUTO_TEST_CASE(values_gives_all_values_in_their_order) {
  std::vector<result<std::unique_ptr<int>>> all;
  for (int i = 0; i != 3; ++i)
    all.emplace_back(std::in_place, std::make_unique<int>(i));
  const auto out = values(std::move(all));
  BOOST_REQUIRE(out.size() == 3u);
  for (int i = 0; i != 3; ++i)
    BOOST_TEST(*out[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(values_throws_the_first_error) {
  std::vector<result<int>> all;
  all.emplace_back(std::in_place, 1);
  all.emplace_back(boom());
  all.emplace_back(std::make_exception_ptr(std::logic_error("later")));
  BOOST_CHECK_EXCEPTION(
      (void)values(std::move(all)), std::runtime_error, says("boom"));
  BOOST_TEST(values(std::vector<result<int>>()).empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_result
