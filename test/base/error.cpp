// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// weir::errc, and its category.

#include <weir/error.hpp>

#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <iterator>
#include <set>
#include <string>

namespace weir::test::of_error {

BOOST_AUTO_TEST_SUITE(error)

using boost::system::error_code;

BOOST_AUTO_TEST_CASE(each_code_says_something_else) {
  std::set<std::string> texts;
  const errc all[] = {errc::group_closed,
                      errc::would_deadlock,
                      errc::task_abandoned,
                      errc::runtime_stopped,
                      errc::overloaded,
                      errc::over_capacity,
                      errc::channel_closed,
                      errc::not_started};
  for (errc e : all) {
    const error_code code = e;
    BOOST_TEST(code.failed());
    BOOST_TEST(&code.category() == &error_category());
    BOOST_TEST(code.message().find("unknown") == std::string::npos);
    texts.insert(code.message());
  }
  BOOST_TEST(texts.size() == std::size(all));
  BOOST_TEST(std::string(error_category().name()) == "weir");
}

BOOST_AUTO_TEST_CASE(a_number_that_is_no_code_is_told_as_it_is) {
  const error_code code(4711, error_category());
  BOOST_TEST(code.message() == "unknown weir error 4711");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_error
