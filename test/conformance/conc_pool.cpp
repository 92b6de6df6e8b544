// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The suite of sourcegraph/conc: Pool, ErrorPool, ContextPool.

#include <weir/checkpoint.hpp>
#include <weir/group_error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/conformance.hpp"
#include "support/gate.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(conc_pool, conformance)

using boost::system::system_error;

constexpr task_group_options all_errors{.errors = collect(unlimited)};
using strings = std::vector<std::string>;

// There, configuring a pool late is an error; here the cap can always be
// changed.
void configures(conformance& f, bool after_wait) {
  gate door(f.pool.get_executor());
  task_group group(f.pool, {.max_in_flight = 2});
  f.wait(group.spawn(waits_for(door)));
  if (after_wait) {
    door.open();
    f.wait(group.join());
  }
  group.set_max_in_flight(3);
  BOOST_TEST(group.max_in_flight() == 3u);
  BOOST_CHECK_THROW(group.set_max_in_flight(0), std::invalid_argument);
  door.open();
  f.wait(group.join());
}

void keeps_to_limits(conformance& f) {
  for (std::size_t limit : conc_limits) {
    high_water inside;
    task_group group(f.pool, {.max_in_flight = limit});
    for (std::size_t i = 0; i != 10 * limit; ++i)
      f.wait(group.spawn(conformance::runs_in(inside)));
    f.wait(group.join());
    BOOST_TEST(inside.peak() <= static_cast<int>(limit));
    BOOST_TEST(inside.inside() == 0);
  }
}

BOOST_AUTO_TEST_CASE(Pool_basic) {
  std::atomic<int> completed{0};
  task_group group(pool);
  for (int i = 0; i != 100; ++i)
    wait(group.spawn(counts(completed)));
  wait(group.join());
  BOOST_TEST(completed == 100);
}

BOOST_AUTO_TEST_CASE(Pool_panics_on_configuration_after_init_before_wait) {
  configures(*this, false);
}
BOOST_AUTO_TEST_CASE(Pool_panics_on_configuration_after_init_after_wait) {
  configures(*this, true);
}
BOOST_AUTO_TEST_CASE(Pool_limit) { keeps_to_limits(*this); }

BOOST_AUTO_TEST_CASE(Pool_propagate_panic) {
  task_group group(pool);
  for (int i = 0; i != 10; ++i) {
    if (group.try_spawn(fails_with("5")) != spawn_status::started)
      break; // The first error has ended the loop.
  }
  BOOST_TEST(text_of(error_of(group.join())) == "5");
}

BOOST_AUTO_TEST_CASE(Pool_panics_do_not_exhaust_goroutines) {
  task_group group(pool, {.max_in_flight = 2, .errors = on_error::keep_going});
  for (int i = 0; i != 10; ++i)
    wait(group.spawn(fails_with("oh no")));
  BOOST_TEST(text_of(error_of(group.join())) == "oh no");
  BOOST_TEST(group.stats().failed == 10u);
}

BOOST_AUTO_TEST_CASE(Pool_panics_on_invalid_WithMaxGoroutines) {
  BOOST_CHECK_THROW(task_group(pool, {.max_in_flight = 0}),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(Pool_returns_correct_MaxGoroutines) {
  task_group group(pool, {.max_in_flight = 42});
  BOOST_TEST(group.max_in_flight() == 42u);
  task_group none(pool);
  BOOST_TEST(none.max_in_flight() == unlimited);
}

BOOST_AUTO_TEST_CASE(Pool_is_reusable) {
  std::atomic<int> count{0};
  for (int tasks : {10, 20}) {
    task_group group(pool); // A new group is the reuse.
    for (int i = 0; i != tasks; ++i)
      wait(group.spawn(counts(count)));
    wait(group.join());
    BOOST_TEST(group.stats().completed == static_cast<std::size_t>(tasks));
  }
  BOOST_TEST(count == 30);
}

BOOST_AUTO_TEST_CASE(ErrorPool_panics_on_configuration_after_init_before_wait) {
  configures(*this, false);
}
BOOST_AUTO_TEST_CASE(ErrorPool_panics_on_configuration_after_init_after_wait) {
  configures(*this, true);
}

BOOST_AUTO_TEST_CASE(ErrorPool_wait_returns_no_error_if_no_errors) {
  task_group group(pool, all_errors);
  wait(group.spawn(returns()));
  BOOST_TEST(!error_of(group.join()));
}

BOOST_AUTO_TEST_CASE(ErrorPool_wait_error_if_func_returns_error) {
  task_group group(pool, all_errors);
  wait(group.spawn(fails_with("err1")));
  BOOST_TEST((texts_of(error_of(group.join())) == strings{"err1"}));
}

BOOST_AUTO_TEST_CASE(ErrorPool_wait_error_is_all_returned_errors) {
  task_group group(pool, all_errors);
  wait(group.spawn(fails_with("err1")));
  wait(group.spawn(returns()));
  wait(group.spawn(fails_with("err2")));
  BOOST_TEST((texts_of(error_of(group.join())) == strings{"err1", "err2"}));
}

BOOST_AUTO_TEST_CASE(ErrorPool_propagates_panics) {
  task_group group(pool, all_errors);
  for (int i = 0; i != 10; ++i)
    wait(group.spawn(i == 5 ? fails_with("5") : returns()));
  BOOST_TEST((texts_of(error_of(group.join())) == strings{"5"}));
}

BOOST_AUTO_TEST_CASE(ErrorPool_limit) { keeps_to_limits(*this); }

BOOST_AUTO_TEST_CASE(ErrorPool_reuse) {
  for (const char* what : {"err1", "err2"}) {
    task_group group(pool, all_errors);
    wait(group.spawn(fails_with(what)));
    BOOST_TEST((texts_of(error_of(group.join())) == strings{what}));
  }
}

BOOST_AUTO_TEST_CASE(
    ContextPool_panics_on_configuration_after_init_before_wait) {
  configures(*this, false);
}
BOOST_AUTO_TEST_CASE(
    ContextPool_panics_on_configuration_after_init_after_wait) {
  configures(*this, true);
}

BOOST_AUTO_TEST_CASE(ContextPool_behaves_as_ErrorGroup_no_error) {
  task_group group(pool);
  wait(group.spawn(returns()));
  BOOST_TEST(!error_of(group.join()));
}
BOOST_AUTO_TEST_CASE(ContextPool_behaves_as_ErrorGroup_error) {
  task_group group(pool);
  wait(group.spawn(fails_with("err1")));
  BOOST_TEST(text_of(error_of(group.join())) == "err1");
}
BOOST_AUTO_TEST_CASE(ContextPool_behaves_as_ErrorGroup_all_errors) {
  task_group group(pool, all_errors);
  wait(group.spawn(fails_with("err1")));
  wait(group.spawn(returns()));
  wait(group.spawn(fails_with("err2")));
  BOOST_TEST((texts_of(error_of(group.join())) == strings{"err1", "err2"}));
}

// Counts in `cut` that a cancellation from outside ended the child.
task<> waits_and_notes(gate& door, std::atomic<int>& cut) {
  try {
    co_await door.wait();
  } catch (const system_error& e) {
    cut += e.code() == asio::error::operation_aborted;
    throw;
  }
}

BOOST_AUTO_TEST_CASE(ContextPool_context_error_canceled) {
  std::atomic<int> cut{0};
  gate never(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_and_notes(never, cut)));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel();
  wait(group.join());
  BOOST_TEST(cut == 1);
  BOOST_TEST(group.cancel_reason() == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(ContextPool_context_error_timed_out) {
  std::atomic<int> cut{0};
  gate never(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_and_notes(never, cut)));
  block_until([&] { return never.arrivals() == 1; });
  group.cancel_after(std::chrono::milliseconds(2));
  BOOST_TEST(code_of(error_of(group.join())) == asio::error::timed_out);
  BOOST_TEST(cut == 1);
}

BOOST_AUTO_TEST_CASE(ContextPool_return_before_timed_out) {
  task_group group(pool);
  group.cancel_after(std::chrono::hours(1));
  wait(group.spawn(returns()));
  BOOST_TEST(!error_of(group.join()));
}

BOOST_AUTO_TEST_CASE(ContextPool_WithCancelOnError) {
  std::atomic<int> cut{0};
  gate never(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_and_notes(never, cut)));
  block_until([&] { return never.arrivals() == 1; });
  wait(group.spawn(fails_with("err1")));
  BOOST_TEST(text_of(error_of(group.join())) == "err1");
  BOOST_TEST(cut == 1);
}

BOOST_AUTO_TEST_CASE(ContextPool_no_WithCancelOnError) {
  std::atomic<int> cut{0};
  gate door(pool.get_executor());
  task_group group(pool, all_errors);
  wait(group.spawn(waits_and_notes(door, cut)));
  wait(group.spawn(fails_with("err1")));
  block_until([&] { return group.stats().failed == 1; });
  BOOST_TEST(!group.is_cancelled());
  door.open();
  BOOST_TEST((texts_of(error_of(group.join())) == strings{"err1"}));
  BOOST_TEST(cut == 0);
}

BOOST_AUTO_TEST_CASE(ContextPool_WithFirstError) {
  task_group group(pool, {.errors = on_error::keep_going});
  wait(group.spawn(fails_with("err1")));
  block_until([&] { return group.stats().failed == 1; });
  wait(group.spawn(fails_with("err2")));
  BOOST_TEST(text_of(error_of(group.join())) == "err1");
}

BOOST_AUTO_TEST_CASE(ContextPool_WithFailFast) {
  std::atomic<int> cut{0};
  gate never(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_and_notes(never, cut)));
  block_until([&] { return never.arrivals() == 1; });
  wait(group.spawn(fails_with("err1")));
  BOOST_TEST(text_of(error_of(group.join())) == "err1");
  BOOST_TEST(cut == 1);
}

BOOST_AUTO_TEST_CASE(ContextPool_WithCancelOnError_and_panic) {
  std::atomic<int> cut{0};
  gate never(pool.get_executor());
  task_group group(pool);
  for (int i = 0; i != 2; ++i)
    wait(group.spawn(waits_and_notes(never, cut)));
  block_until([&] { return never.arrivals() == 2; });
  wait(group.spawn(fails_with("abort!")));
  BOOST_TEST(text_of(error_of(group.join())) == "abort!");
  BOOST_TEST(cut == 2);
}

BOOST_AUTO_TEST_CASE(ContextPool_limit) { keeps_to_limits(*this); }

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
