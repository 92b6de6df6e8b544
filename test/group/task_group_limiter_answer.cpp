// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group in the queue of its limiter when it has no waiter any more.

#include <weir/detail/sync/limiter_node.hpp>
#include <weir/limiter.hpp>
#include <weir/task_group.hpp>

#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/work.hpp"
#include "sync/limiter_core.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>

namespace weir::test {

namespace {

using boost::system::system_error;

// Waits in the queue, and emits when it is settled.
struct emits_when_told : detail::limiter_node {
  explicit emits_when_told(asio::cancellation_signal& s)
      : limiter_node(&emits_when_told::told, 1), signal(s) {}
  static void told(limiter_node& node, bool) noexcept {
    static_cast<emits_when_told&>(node).signal.emit(
        asio::cancellation_type::terminal);
  }
  asio::cancellation_signal& signal;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(task_group_limiter_answer, pool_fixture)

BOOST_AUTO_TEST_CASE(a_permit_for_one_who_has_just_left_goes_back) {
  limiter shared(2);
  std::optional<permit> held(shared.try_acquire(2));
  std::atomic<int> calls{0};
  asio::cancellation_signal signal;
  emits_when_told ahead(signal);
  detail::limiter_access::core(shared).acquire(ahead);
  task_group group(pool, {.limiter = &shared});
  auto leaves = group.spawn(counts(calls))(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  BOOST_TEST(shared.waiting() == 2u);
  // Both get a permit; the first one settled cancels the other.
  held.reset();
  BOOST_CHECK_EXCEPTION(
      leaves.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_TEST(shared.in_use() == 1u);
  detail::limiter_access::core(shared).release(1);
  wait(group.join());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_CASE(a_group_in_which_nobody_waits_holds_nobody_back) {
  limiter shared(3);
  const std::optional<permit> held(shared.try_acquire());
  std::atomic<int> calls{0};
  asio::cancellation_signal signal;
  task_group group(pool, {.limiter = &shared});
  auto heavy = group.spawn(counts(calls), {.weight = 3})(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  auto light = shared.acquire()(asio::use_future);
  BOOST_TEST(shared.waiting() == 2u);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST_REQUIRE(shared.waiting() == 0u);
  (void)light.get();
  BOOST_CHECK_EXCEPTION(
      heavy.get(), system_error, has_code(asio::error::operation_aborted));
  wait(group.join());
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
