// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Destroyed too early. A suite of its own: no other thread may have run.

#include <weir/blocking_pool.hpp>

#include "support/death.hpp"
#include "support/hold.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <future>
#include <string>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(offload_end)

BOOST_AUTO_TEST_CASE(a_pool_destroyed_while_somebody_waits_ends_the_process) {
  const child_end end = run_in_child([] {
    hold door;
    std::future<void> waiting;
    blocking_pool blocking({.threads = 1});
    waiting = blocking.run([&] { door.block(); })(asio::use_future);
  });
  BOOST_TEST(end.signal == SIGABRT);
  BOOST_TEST(end.printed.find("a blocking_pool was destroyed while 1 wait") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
