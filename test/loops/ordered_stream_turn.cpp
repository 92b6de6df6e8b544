// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Which task delivers, when the turn changes at a critical moment.

#include <weir/detail/group/stream_round.hpp>
#include <weir/runtime.hpp>
#include <weir/task_group.hpp>

#include "support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace weir::test {

namespace {

// Calls `on_move` when it is moved next.
struct calls_when_moved {
  calls_when_moved() = default;
  calls_when_moved(calls_when_moved&&) {
    if (const auto f = std::exchange(on_move, nullptr))
      f();
  }
  static inline std::function<void()> on_move;
};

struct no_sink final : detail::stream_sink<calls_when_moved> {
  task<> deliver(calls_when_moved&&) override { return {}; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(ordered_stream_turn, pool_fixture)

using round_of = detail::stream_round<calls_when_moved>;

BOOST_AUTO_TEST_CASE(a_turn_that_comes_while_a_result_is_put_aside_is_seen) {
  no_sink sink;
  const auto round = std::make_shared<round_of>(
      pool.get_executor(), task_group_options{}, unlimited, sink);
  std::optional<calls_when_moved> value(std::in_place);
  // The task before it delivers meanwhile, and finds no result behind its own.
  bool found_nothing = false;
  calls_when_moved::on_move = [&] { found_nothing = round->next() == nullptr; };
  BOOST_TEST(round->arrive(1, value));
  BOOST_TEST(value.has_value());
  BOOST_TEST(found_nothing);
}

BOOST_AUTO_TEST_CASE(a_result_put_aside_is_found_by_the_one_before_it) {
  no_sink sink;
  const auto round = std::make_shared<round_of>(
      pool.get_executor(), task_group_options{}, unlimited, sink);
  std::optional<calls_when_moved> value(std::in_place);
  BOOST_TEST(!round->arrive(100, value)); // beyond the first 64 places
  BOOST_TEST(!round->arrive(1, value));
  auto* const next = round->next();
  BOOST_TEST_REQUIRE(next != nullptr);
  BOOST_TEST(next->value.has_value());
  round->drop(next);
  BOOST_TEST(round->next() == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
