// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Destroyed too early. A suite of its own: no other thread may have run.

#include <weir/runtime.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>

#include "support/death.hpp"
#include "support/flights.hpp"
#include "support/gate.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <future>
#include <string>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(single_flight_end)

BOOST_AUTO_TEST_CASE(destroyed_with_a_call_in_flight_it_ends_the_process) {
  const child_end end = run_in_child([] {
    weir::runtime brief(1);
    gate never(brief.get_executor());
    auto work = [&]() -> task<int> {
      co_await never.wait();
      co_return 1;
    };
    std::future<flight_result<int>> result;
    flights calls(brief);
    result = calls.run("key", work)(asio::use_future);
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST(end.printed.find("single_flight was destroyed with 1 calls in "
                              "flight") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
