// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A scope that ends while its cancellation is on the way. The functions that
// use scopes have their own suites: with_timeout, shield, with_task_group.

#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/task/cancel_scope.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "support/pool_fixture.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>

namespace weir::test::of_cancel_scope {

using one_thread = pool_of<1>;

BOOST_FIXTURE_TEST_SUITE(cancel_scope, one_thread)

BOOST_AUTO_TEST_CASE(it_is_not_left_before_an_announced_request_came) {
  using detail::cancel_scope;
  std::optional<cancel_scope> scope;
  bool has_left = false;
  bool was_cancelled = false;
  auto leaves = [&]() -> task<> {
    scope.emplace(co_await detail::this_core(), cancel_scope::kind::deadline);
    scope->announce();
    // Runs when this thread is free: the task waits, or has ended.
    asio::post(pool.get_executor(), [&] {
      if (!has_left)
        scope->request(asio::cancellation_type::terminal);
    });
    co_await detail::leave_scope<cancel_scope>(*scope);
    has_left = true;
    was_cancelled = scope->is_cancelled();
  };
  run(leaves());
  BOOST_TEST(has_left);
  BOOST_TEST(was_cancelled);
}

BOOST_AUTO_TEST_CASE(without_an_announcement_it_is_left_at_once) {
  using detail::cancel_scope;
  bool was_cancelled = true;
  auto leaves = [&]() -> task<> {
    cancel_scope scope(co_await detail::this_core(),
                       cancel_scope::kind::deadline);
    co_await detail::leave_scope<cancel_scope>(scope);
    was_cancelled = scope.is_cancelled();
  };
  run(leaves());
  BOOST_TEST(!was_cancelled);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_cancel_scope
