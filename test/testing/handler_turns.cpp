// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the deterministic runtime needs from Asio's own scheduler, which is not
// part of Asio's interface and may differ in another version of Boost.

#include "testing/handler_turns.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

namespace weir::test::of_handler_turns {

namespace {

using namespace std::chrono_literals;

// As that of a deterministic runtime.
struct fixture {
  asio::thread_pool pool{0};
  detail::handler_turns turns{pool};
  std::string seen;

  void post(char c) {
    asio::post(pool, [this, c] { seen += c; });
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(handler_turns, fixture)

BOOST_AUTO_TEST_CASE(one_call_calls_one_handler_in_its_order) {
  post('a');
  post('b');
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "a");
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "ab");
  BOOST_TEST(!turns.call_one());
}

BOOST_AUTO_TEST_CASE(what_a_handler_posts_waits_for_the_next_call) {
  asio::post(pool, [this] { post('b'); });
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "");
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "b");
}

BOOST_AUTO_TEST_CASE(what_a_handler_throws_comes_out_and_the_next_is_called) {
  asio::post(pool, [] { throw std::runtime_error("boom"); });
  post('a');
  BOOST_CHECK_THROW(turns.call_one(), std::runtime_error);
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "a");
}

BOOST_AUTO_TEST_CASE(a_pool_at_rest_has_none_and_still_takes_handlers) {
  for (int round = 0; round != 3; ++round) {
    BOOST_TEST(!turns.has_any());
    BOOST_TEST(!turns.call_one());
  }
  post('a');
  BOOST_TEST(turns.has_any());
  BOOST_TEST(seen == "");
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "a");
  BOOST_TEST(!turns.has_any());
}

BOOST_AUTO_TEST_CASE(an_operation_that_is_pending_counts) {
  asio::steady_timer never(pool, asio::steady_timer::time_point::max());
  never.async_wait([this](boost::system::error_code e) {
    seen = e == asio::error::operation_aborted ? "aborted" : "another end";
  });
  BOOST_TEST(turns.has_any());
  BOOST_TEST(!turns.call_one());
  BOOST_TEST(turns.has_any());
  never.cancel();
  BOOST_TEST(turns.call_one());
  BOOST_TEST(seen == "aborted");
  BOOST_TEST(!turns.has_any());
}

BOOST_AUTO_TEST_CASE(a_wait_is_over_when_its_time_is) {
  BOOST_TEST(!turns.await_one(1ms));
  post('a');
  BOOST_TEST(turns.await_one(1h));
  BOOST_TEST(seen == "a");
}

BOOST_AUTO_TEST_CASE(a_wait_sees_what_a_timer_of_asios_calls) {
  asio::steady_timer soon(pool, 1ms);
  soon.async_wait([this](boost::system::error_code) { seen = "fired"; });
  // A wait may also end for an internal reason of Asio.
  for (int i = 0; i != 1000 && seen.empty(); ++i)
    (void)turns.await_one(1s);
  BOOST_TEST(seen == "fired");
  BOOST_TEST(!turns.has_any());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_handler_turns
