// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/error.hpp>
#include <weir/task.hpp>
#include <weir/with_result_group.hpp>

#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace weir::test::of_with_result_group {

BOOST_FIXTURE_TEST_SUITE(with_result_group, pool_fixture)

using weir::result_group;
using weir::with_result_group;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

task<int> gives(int n) { co_return n; }
task<int> fails(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}

BOOST_AUTO_TEST_CASE(the_results_come_in_the_order_of_the_spawns) {
  auto main = [&]() -> task<std::vector<int>> {
    std::vector<result<int>> r = co_await with_result_group<int>(
        {.max_in_flight = 3}, [](result_group<int>& group) -> task<> {
          for (int n = 0; n != 100; ++n)
            co_await group.spawn(gives(n));
        });
    co_return values(std::move(r));
  };
  const std::vector<int> all = run(main());
  BOOST_REQUIRE(all.size() == 100u);
  for (int n = 0; n != 100; ++n)
    BOOST_TEST(all[static_cast<std::size_t>(n)] == n);
}

BOOST_AUTO_TEST_CASE(the_first_error_cancels_the_rest_and_the_body) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    auto child = [&]() -> task<int> {
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
      co_return 1;
    };
    auto body = [&](result_group<int>& group) -> task<> {
      on_scope_exit count([&] { ++ended; });
      co_await group.spawn(child);
      co_await until([&] { return never.arrivals() == 1; });
      co_await group.spawn(fails("boom"));
      co_await never.wait();
    };
    BOOST_CHECK_EXCEPTION(
        run(with_result_group<int>({.cancellation = form}, body)),
        std::runtime_error,
        says("boom"));
    BOOST_TEST(ended == 2);
  }
}

BOOST_AUTO_TEST_CASE(kept_going_it_returns_every_slot) {
  auto body = [](result_group<int>& group) -> task<> {
    co_await group.spawn(fails("zero"));
    co_await group.spawn(gives(1));
  };
  for (error_policy policy : {error_policy(on_error::keep_going), collect(1)}) {
    const auto r = run(with_result_group<int>({.errors = policy}, body));
    BOOST_REQUIRE(r.size() == 2u);
    BOOST_TEST(text_of(r[0].error()) == "zero");
    BOOST_TEST(r[1].value() == 1);
  }
}

BOOST_AUTO_TEST_CASE(the_error_of_the_body_is_thrown_under_every_policy) {
  for (error_policy policy : {error_policy(on_error::cancel_siblings),
                              error_policy(on_error::keep_going)}) {
    for (bool child_fails : {false, true}) {
      gate never(pool.get_executor());
      std::atomic<bool> failed{false};
      auto child = [&]() -> task<int> {
        on_scope_exit note([&] { failed = true; });
        throw std::runtime_error("child");
        co_return 0;
      };
      auto body = [&](result_group<int>& group) -> task<> {
        if (child_fails && policy.siblings() == on_error::keep_going) {
          co_await group.spawn(child);
          co_await until([&] { return group.stats().failed == 1; });
        }
        co_await group.spawn(gives_after(never, 1));
        throw std::runtime_error("body");
      };
      BOOST_CHECK_EXCEPTION(
          run(with_result_group<int>({.errors = policy}, body)),
          std::runtime_error,
          says("body"));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_abort_that_nobody_asked_for_is_an_error_of_the_body) {
  auto body = [](result_group<int>& group) -> task<> {
    co_await group.spawn(fails("child"));
    co_await until([&] { return group.stats().failed == 1; });
    throw boost::system::system_error(asio::error::operation_aborted);
  };
  for (error_policy policy :
       {error_policy(on_error::keep_going), collect(unlimited)})
    BOOST_CHECK_EXCEPTION(run(with_result_group<int>({.errors = policy}, body)),
                          boost::system::system_error,
                          has_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(an_abandoned_body_is_told_under_every_policy) {
  auto body = [](result_group<int>& group) -> task<> {
    co_await group.spawn(fails("child"));
    co_await until([&] { return group.stats().failed == 1; });
    (void)co_await is_abandoned();
  };
  for (error_policy policy :
       {error_policy(on_error::keep_going), collect(unlimited)}) {
    boost::system::error_code seen;
    auto main = [&]() -> task<> {
      try {
        (void)co_await with_result_group<int>({.errors = policy}, body);
      } catch (const boost::system::system_error& e) {
        seen = e.code();
      }
    };
    BOOST_CHECK_EXCEPTION(run(main()),
                          boost::system::system_error,
                          has_code(errc::task_abandoned));
    BOOST_TEST(seen == errc::task_abandoned);
  }
}

BOOST_AUTO_TEST_CASE(its_own_cancel_is_no_error) {
  gate never(pool.get_executor());
  auto body = [&](result_group<int>& group) -> task<> {
    co_await group.spawn(gives(1));
    co_await until([&] { return group.stats().completed == 1; });
    co_await group.spawn(gives_after(never, 2));
    group.cancel();
  };
  const auto r = run(with_result_group<int>({}, body));
  BOOST_REQUIRE(r.size() == 2u);
  BOOST_TEST(r[0].value() == 1);
  BOOST_TEST(code_of(r[1].error()) == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(a_cancellation_from_outside_ends_body_and_children) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    std::atomic<bool> went_on{false};
    auto child = [&]() -> task<int> {
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
      co_return 1;
    };
    auto body = [&](result_group<int>& group) -> task<> {
      co_await group.spawn(child);
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
    };
    auto main = [&]() -> task<> {
      (void)co_await with_result_group<int>(
          {.errors = on_error::keep_going, .cancellation = form}, body);
      went_on = true;
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(main));
    block_until([&] { return never.arrivals() == 2; });
    outer.cancel();
    wait(outer.join());
    BOOST_TEST(ended == 2);
    BOOST_TEST(!went_on);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_with_result_group
