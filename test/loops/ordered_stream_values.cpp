// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Values whose move throws.

#include <weir/group_error.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(ordered_stream_values, pool_of<1>)

namespace of_ordered_stream_values {

// Throws at the move at which `left` becomes 0.
struct brittle {
  brittle(int n, std::atomic<int>& counter) : number(n), left(&counter) {}
  brittle(brittle&& other) : number(other.number), left(other.left) {
    if (--*left == 0)
      throw std::runtime_error("moved once too often");
  }
  brittle& operator=(brittle&&) = delete;

  int number;
  std::atomic<int>* left;
};

} // namespace of_ordered_stream_values
using namespace of_ordered_stream_values;

BOOST_AUTO_TEST_CASE(a_move_that_throws_is_an_error_of_its_task) {
  for (error_policy errors :
       {error_policy(on_error::cancel_siblings), collect(9)}) {
    std::set<std::string> seen;
    for (int moves = 1; moves != 40; ++moves) {
      std::atomic<int> left{moves};
      std::vector<int> got;
      gate door(pool.get_executor());
      auto gives = [&](int n) -> task<brittle> {
        if (n == 0)
          co_await door.wait();
        co_return brittle(n, left);
      };
      ordered_stream<brittle> stream(pool, {.errors = errors}, [&](brittle b) {
        got.push_back(b.number);
      });
      auto main = [&]() -> task<> {
        for (int n = 0; n != 3; ++n)
          co_await stream.submit(gives(n));
        door.open();
        co_await stream.join();
      };
      std::string end = "well";
      try {
        run(main());
      } catch (const group_error&) {
        end = "failed";
      } catch (const std::runtime_error&) {
        end = "failed";
      }
      BOOST_TEST_CONTEXT("the move number " << moves << " throws") {
        BOOST_TEST((end == "failed") == (left <= 0));
        // No value arrives twice or out of order; without an error none is
        // missing.
        BOOST_TEST(std::set<int>(got.begin(), got.end()).size() == got.size());
        BOOST_TEST(std::is_sorted(got.begin(), got.end()));
        BOOST_TEST((end == "failed" || got.size() == 3));
      }
      seen.insert(end + " after " + std::to_string(got.size()));
    }
    BOOST_TEST(seen.count("well after 3") == 1);
    BOOST_TEST(seen.count("failed after 0") == 1);
    BOOST_TEST(seen.size() >= 3u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
