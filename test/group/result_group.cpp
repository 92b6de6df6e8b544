// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/result_group.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace weir::test::of_result_group {

BOOST_FIXTURE_TEST_SUITE(result_group, pool_fixture)

using boost::system::system_error;
using weir::result_group;

// Neither default-constructible nor copyable.
class ticket final {
public:
  explicit ticket(int n) : n_(std::make_unique<int>(n)) {}
  int number() const { return *n_; }

private:
  std::unique_ptr<int> n_;
};

task<int> gives(int n) {
  co_await checkpoint();
  co_return n;
}
task<int> fails(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(results_stand_in_the_order_of_the_spawns) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::vector<result<ticket>> results;
      auto child = [](int n) -> task<ticket> {
        for (int i = 0; i != n % 7; ++i)
          co_await checkpoint();
        co_return ticket(n);
      };
      auto main = [&]() -> task<> {
        result_group<ticket> group(pool, {.max_in_flight = cap});
        for (int n = 0; n != 500; ++n)
          co_await group.spawn(child, n);
        results = co_await group.join();
      };
      run(main());
      BOOST_REQUIRE(results.size() == 500u);
      for (int n = 0; n != 500; ++n)
        BOOST_TEST(results[static_cast<std::size_t>(n)].value().number() == n);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_last_to_end_may_have_been_the_first_to_start) {
  gate first(pool.get_executor());
  gate second(pool.get_executor());
  result_group<int> group(pool);
  wait(group.spawn(gives_after(first, 1)));
  wait(group.spawn(gives_after(second, 2)));
  second.open();
  block_until([&] { return group.stats().completed == 1; });
  first.open();
  BOOST_TEST((values(wait(group.join())) == std::vector<int>{1, 2}));
}

BOOST_AUTO_TEST_CASE(without_children_there_are_no_results) {
  result_group<int> group(pool);
  BOOST_TEST(wait(group.join()).empty());
}

BOOST_AUTO_TEST_CASE(a_value_after_an_error_is_kept) {
  for (error_policy policy : {error_policy(on_error::keep_going), collect(2)}) {
    std::vector<result<int>> r;
    auto main = [&]() -> task<> {
      result_group<int> group(pool, {.max_in_flight = 1, .errors = policy});
      co_await group.spawn(gives(0));
      co_await group.spawn(fails("one"));
      co_await group.spawn(gives(2));
      co_await group.spawn(fails("three"));
      co_await group.spawn(gives(4));
      r = co_await group.join();
    };
    run(main());
    BOOST_REQUIRE(r.size() == 5u);
    BOOST_TEST(r[0].value() == 0);
    BOOST_TEST(text_of(r[1].error()) == "one");
    BOOST_TEST(r[2].value() == 2);
    BOOST_TEST(text_of(r[3].error()) == "three");
    BOOST_TEST(r[4].value() == 4);
  }
}

BOOST_AUTO_TEST_CASE(the_slot_of_an_abandoned_child_says_so) {
  std::vector<result<int>> r;
  auto main = [&]() -> task<> {
    result_group<int> group(pool, {.errors = on_error::keep_going});
    co_await group.spawn(is_abandoned());
    co_await group.spawn(gives(1));
    r = co_await group.join();
  };
  run(main());
  BOOST_REQUIRE(r.size() == 2u);
  BOOST_CHECK_EXCEPTION(
      (void)r[0].value(), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(r[1].value() == 1);
}

BOOST_AUTO_TEST_CASE(the_first_error_is_thrown_and_the_values_can_be_had) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    result_group<int> group(pool, {.cancellation = form});
    wait(group.spawn(gives(0)));
    block_until([&] { return group.stats().completed == 1; });
    wait(group.spawn(gives_after(never, 1)));
    block_until([&] { return never.arrivals() == 1; });
    wait(group.spawn(fails("boom")));
    block_until([&] { return group.is_cancelled(); });
    BOOST_CHECK_EXCEPTION(
        wait(group.spawn(gives(3))), system_error, [](const system_error& e) {
          return e.code() == asio::error::operation_aborted;
        });
    BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("boom"));
    const auto r = group.results();
    BOOST_REQUIRE(r.size() == 3u);
    BOOST_TEST(r[0].value() == 0);
    BOOST_TEST(code_of(r[1].error()) == asio::error::operation_aborted);
    BOOST_TEST(text_of(r[2].error()) == "boom");
    BOOST_TEST(group.results().empty());
  }
}

BOOST_AUTO_TEST_CASE(a_child_cancelled_before_it_began_has_a_slot_too) {
  weir::runtime one(1);
  std::vector<result<int>> r;
  auto main = [&]() -> task<> {
    result_group<int> group(one);
    co_await group.spawn(gives(0));
    co_await group.spawn(gives(1));
    group.cancel(); // Neither has run: there is one thread.
    r = co_await group.join();
  };
  one.run(main());
  BOOST_REQUIRE(r.size() == 2u);
  for (const auto& each : r)
    BOOST_TEST(code_of(each.error()) == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(a_second_join_has_the_same_end_and_no_results) {
  result_group<int> group(pool);
  wait(group.spawn(gives(1)));
  BOOST_TEST(wait(group.join()).size() == 1u);
  BOOST_TEST(wait(group.join()).empty());
  BOOST_TEST(group.results().empty());
  BOOST_CHECK_EXCEPTION(
      wait(group.spawn(gives(2))), system_error, has_code(errc::group_closed));
}

BOOST_AUTO_TEST_CASE(a_deadline_is_timed_out_also_when_it_keeps_going) {
  for (on_error policy : {on_error::cancel_siblings, on_error::keep_going}) {
    gate never(pool.get_executor());
    result_group<int> group(pool, {.errors = policy});
    wait(group.spawn(gives(1)));
    if (policy == on_error::keep_going)
      wait(group.spawn(fails("an error does not hide it")));
    block_until([&] { return group.stats().in_flight == 0; });
    wait(group.spawn(gives_after(never, 2)));
    group.cancel_after(std::chrono::milliseconds(1));
    BOOST_CHECK_EXCEPTION(
        wait(group.join()), system_error, has_code(asio::error::timed_out));
    BOOST_TEST(group.results().front().value() == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_cancel_with_that_reason_is_no_deadline) {
  gate never(pool.get_executor());
  result_group<int> group(pool, {.errors = on_error::keep_going});
  auto fails = []() -> task<int> {
    throw std::runtime_error("boom");
    co_return 0;
  };
  auto waits = [&]() -> task<int> {
    co_await never.wait();
    co_return 1;
  };
  wait(group.spawn(fails));
  wait(group.spawn(waits));
  block_until([&] { return group.stats().failed == 1; });
  group.cancel(asio::error::timed_out);
  auto joins = [&]() -> task<std::vector<result<int>>> {
    co_return co_await group.join();
  };
  const std::vector<result<int>> results = run(joins());
  BOOST_TEST(results.size() == 2u);
  BOOST_TEST(text_of(results[0].error()) == "boom");
}

BOOST_AUTO_TEST_CASE(a_cancelled_joiner_cancels_the_group_and_waits) {
  for (on_cancel form : forms) {
    std::atomic<int> ended{0};
    gate never(pool.get_executor());
    auto child = [&]() -> task<int> {
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
      co_return 1;
    };
    std::atomic<int> seen{-1};
    auto joins = [&]() -> task<> {
      result_group<int> group(pool, {.errors = on_error::keep_going});
      on_scope_exit note([&] { seen = ended.load(); });
      co_await group.spawn(child);
      (void)co_await group.join();
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(joins));
    block_until([&] { return never.arrivals() == 1; });
    outer.cancel();
    wait(outer.join());
    BOOST_TEST(seen == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_join_from_a_child_would_deadlock) {
  for (on_error policy : {on_error::cancel_siblings, on_error::keep_going}) {
    result_group<int> group(pool, {.errors = policy});
    boost::system::error_code code;
    auto child = [&]() -> task<int> {
      try {
        (void)co_await group.join();
      } catch (const system_error& e) {
        code = e.code();
      }
      co_return 1;
    };
    if (policy == on_error::keep_going)
      wait(group.spawn(fails("first")));
    block_until([&] { return group.stats().in_flight == 0; });
    wait(group.spawn(child));
    BOOST_TEST(wait(group.join()).back().value() == 1);
    BOOST_TEST(code == errc::would_deadlock);
  }
}

BOOST_AUTO_TEST_CASE(results_that_found_no_memory_can_be_had_later) {
  detail::result_list<int> list;
  for (std::uint64_t i : {0u, 7u}) {
    auto node = std::make_unique<detail::result_node<int>>(gives(0));
    node->ended_with.emplace(std::in_place, static_cast<int>(i));
    node->index = i;
    list.push(std::move(node));
  }
  BOOST_CHECK_THROW((void)list.take(std::numeric_limits<std::uint64_t>::max()),
                    std::exception);
  const auto r = list.take(2); // The other has no place here.
  BOOST_REQUIRE(r.size() == 2u);
  BOOST_TEST(r[0].value() == 0);
  BOOST_TEST(!r[1].has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_result_group
