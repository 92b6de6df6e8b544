// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The suite of sourcegraph/conc: ResultPool, ResultErrorPool,
// ResultContextPool.

#include <weir/checkpoint.hpp>
#include <weir/result_group.hpp>
#include <weir/task.hpp>

#include "support/conformance.hpp"
#include "support/gate.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(conc_result, conformance)

using boost::system::system_error;

constexpr task_group_options all_errors{.errors = collect(unlimited)};
using ints = std::vector<int>;
using strings = std::vector<std::string>;

// The values alone, and the errors alone, in their order.
ints values_in(const std::vector<result<int>>& all) {
  ints out;
  for (const auto& each : all)
    if (each)
      out.push_back(*each);
  return out;
}
strings errors_in(const std::vector<result<int>>& all) {
  strings out;
  for (const auto& each : all)
    if (!each)
      out.push_back(text_of(each.error()));
  return out;
}

void configures(conformance& f, bool after_wait) {
  result_group<int> group(f.pool, {.max_in_flight = 2});
  f.wait(group.spawn(conformance::gives(1)));
  if (after_wait)
    f.wait(group.join());
  group.set_max_in_flight(3);
  BOOST_TEST(group.max_in_flight() == 3u);
  BOOST_CHECK_THROW(group.set_max_in_flight(0), std::invalid_argument);
  f.wait(group.join());
}

void keeps_to_limits(conformance& f) {
  for (std::size_t limit : conc_limits) {
    high_water inside;
    result_group<int> group(f.pool, {.max_in_flight = limit});
    for (std::size_t i = 0; i != 10 * limit; ++i)
      f.wait(group.spawn(conformance::runs_in(inside)));
    BOOST_TEST(f.wait(group.join()).size() == 10 * limit);
    BOOST_TEST(inside.peak() <= static_cast<int>(limit));
  }
}

// Each round is a new group.
void is_reusable(conformance& f, task_group_options options) {
  for (int tasks : {10, 20}) {
    result_group<int> group(f.pool, options);
    for (int i = 0; i != tasks; ++i)
      f.wait(group.spawn(conformance::gives(i)));
    BOOST_TEST(values(f.wait(group.join())).size() ==
               static_cast<std::size_t>(tasks));
  }
}

BOOST_AUTO_TEST_CASE(
    ResultPool_panics_on_configuration_after_init_before_wait) {
  configures(*this, false);
}
BOOST_AUTO_TEST_CASE(ResultPool_panics_on_configuration_after_init_after_wait) {
  configures(*this, true);
}

BOOST_AUTO_TEST_CASE(ResultPool_basic) {
  result_group<int> group(pool);
  ints expected;
  for (int i = 0; i != 100; ++i) {
    expected.push_back(i);
    wait(group.spawn(gives(i)));
  }
  BOOST_TEST((values(wait(group.join())) == expected));
}

BOOST_AUTO_TEST_CASE(ResultPool_deterministic_order) {
  auto later = [](int n) -> task<int> {
    for (int i = 0; i != (n * 7919) % 13; ++i)
      co_await checkpoint();
    co_return n;
  };
  result_group<int> group(pool);
  ints expected;
  for (int i = 0; i != 100; ++i) {
    expected.push_back(i);
    wait(group.spawn(later, i));
  }
  BOOST_TEST((values(wait(group.join())) == expected));
}

BOOST_AUTO_TEST_CASE(ResultPool_limit) { keeps_to_limits(*this); }
BOOST_AUTO_TEST_CASE(ResultPool_reuse) { is_reusable(*this, {}); }

BOOST_AUTO_TEST_CASE(
    ResultErrorPool_panics_on_configuration_after_init_before_wait) {
  configures(*this, false);
}
BOOST_AUTO_TEST_CASE(
    ResultErrorPool_panics_on_configuration_after_init_after_wait) {
  configures(*this, true);
}

BOOST_AUTO_TEST_CASE(ResultErrorPool_wait_returns_no_error_if_no_errors) {
  result_group<int> group(pool, all_errors);
  wait(group.spawn(gives(1)));
  const auto all = wait(group.join());
  BOOST_TEST((values_in(all) == ints{1}));
  BOOST_TEST(errors_in(all).empty());
}

BOOST_AUTO_TEST_CASE(ResultErrorPool_wait_error_if_func_returns_error) {
  result_group<int> group(pool, all_errors);
  wait(group.spawn(fails("err1")));
  const auto all = wait(group.join());
  BOOST_TEST(values_in(all).empty());
  BOOST_TEST((errors_in(all) == strings{"err1"}));
}

BOOST_AUTO_TEST_CASE(ResultErrorPool_WithCollectErrored) {
  result_group<int> group(pool, all_errors);
  wait(group.spawn(fails("err1")));
  wait(group.spawn(gives(1)));
  BOOST_TEST(wait(group.join()).size() == 2u); // A slot for each.
}

BOOST_AUTO_TEST_CASE(ResultErrorPool_WithFirstError) {
  result_group<int> group(pool);
  wait(group.spawn(fails("err1")));
  block_until([&] { return group.is_cancelled(); });
  BOOST_TEST((group.try_spawn(fails("err2")) == spawn_status::cancelled));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("err1"));
}

BOOST_AUTO_TEST_CASE(ResultErrorPool_wait_error_is_all_returned_errors) {
  result_group<int> group(pool, all_errors);
  wait(group.spawn(fails("err1")));
  wait(group.spawn(gives(1)));
  wait(group.spawn(fails("err2")));
  const auto all = wait(group.join());
  BOOST_TEST((values_in(all) == ints{1}));
  BOOST_TEST((errors_in(all) == strings{"err1", "err2"}));
}

BOOST_AUTO_TEST_CASE(ResultErrorPool_limit) { keeps_to_limits(*this); }
BOOST_AUTO_TEST_CASE(ResultErrorPool_reuse) { is_reusable(*this, all_errors); }

// conc#156: there, the results after the last error are lost.
BOOST_AUTO_TEST_CASE(ResultErrorPool_ok_after_err_is_kept) {
  result_group<int> group(pool, all_errors);
  wait(group.spawn(gives(0)));
  wait(group.spawn(fails("err1")));
  wait(group.spawn(gives(2)));
  wait(group.spawn(gives(3)));
  BOOST_TEST((values_in(wait(group.join())) == ints{0, 2, 3}));
}

BOOST_AUTO_TEST_CASE(
    ResultContextPool_panics_on_configuration_after_init_before_wait) {
  configures(*this, false);
}
BOOST_AUTO_TEST_CASE(
    ResultContextPool_panics_on_configuration_after_init_after_wait) {
  configures(*this, true);
}

BOOST_AUTO_TEST_CASE(ResultContextPool_behaves_as_ErrorGroup_no_error) {
  result_group<int> group(pool);
  wait(group.spawn(gives(1)));
  BOOST_TEST((values(wait(group.join())) == ints{1}));
}
BOOST_AUTO_TEST_CASE(ResultContextPool_behaves_as_ErrorGroup_error) {
  result_group<int> group(pool);
  wait(group.spawn(fails("err1")));
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("err1"));
}
BOOST_AUTO_TEST_CASE(ResultContextPool_behaves_as_ErrorGroup_all_errors) {
  result_group<int> group(pool, all_errors);
  wait(group.spawn(fails("err1")));
  wait(group.spawn(fails("err2")));
  BOOST_TEST((errors_in(wait(group.join())) == strings{"err1", "err2"}));
}

// Two children wait; a third value was given before, and then `last` is run.
struct cut_off {
  explicit cut_off(conformance& f, task_group_options options)
      : never(f.pool.get_executor()), group(f.pool, options) {
    f.wait(group.spawn(conformance::gives(7)));
    block_until([&] { return group.stats().completed == 1; });
    for (int i = 0; i != 2; ++i)
      f.wait(group.spawn(waits()));
    block_until([&] { return never.arrivals() == 2; });
  }
  task<int> waits() {
    co_await never.wait();
    co_return 1;
  }
  // After the end: the value was kept, and two were cut off.
  void check(const std::vector<result<int>>& all) {
    BOOST_TEST((values_in(all) == ints{7}));
    for (std::size_t i : {1u, 2u})
      BOOST_TEST(code_of(all[i].error()) == asio::error::operation_aborted);
  }

  gate never;
  result_group<int> group;
};

BOOST_AUTO_TEST_CASE(ResultContextPool_context_cancel_propagates) {
  cut_off f(*this, {});
  f.group.cancel();
  f.check(wait(f.group.join()));
}

BOOST_AUTO_TEST_CASE(ResultContextPool_WithCancelOnError) {
  cut_off f(*this, {});
  wait(f.group.spawn(fails("err1")));
  BOOST_CHECK_EXCEPTION(wait(f.group.join()), std::runtime_error, says("err1"));
  f.check(f.group.results());
}

BOOST_AUTO_TEST_CASE(ResultContextPool_WithFailFast) {
  cut_off f(*this, {.cancellation = on_cancel::unwind});
  wait(f.group.spawn(fails("err1")));
  BOOST_CHECK_EXCEPTION(wait(f.group.join()), std::runtime_error, says("err1"));
  f.check(f.group.results());
}

BOOST_AUTO_TEST_CASE(ResultContextPool_WithCancelOnError_and_panic) {
  cut_off f(*this, {});
  auto panics = []() -> task<int> {
    throw 42;
    co_return 0;
  };
  wait(f.group.spawn(panics));
  BOOST_CHECK_THROW(wait(f.group.join()), int);
  f.check(f.group.results());
}

BOOST_AUTO_TEST_CASE(ResultContextPool_no_WithCancelOnError) {
  cut_off f(*this, {.errors = on_error::keep_going});
  wait(f.group.spawn(fails("err1")));
  block_until([&] { return f.group.stats().failed == 1; });
  BOOST_TEST(!f.group.is_cancelled());
  f.never.open();
  const auto all = wait(f.group.join());
  BOOST_TEST((values_in(all) == ints{7, 1, 1}));
  BOOST_TEST((errors_in(all) == strings{"err1"}));
}

BOOST_AUTO_TEST_CASE(ResultContextPool_WithCollectErrored) {
  cut_off f(*this, all_errors);
  wait(f.group.spawn(fails("err1")));
  f.never.open();
  BOOST_TEST(wait(f.group.join()).size() == 4u);
}

BOOST_AUTO_TEST_CASE(ResultContextPool_WithFirstError) {
  result_group<int> group(pool);
  wait(group.spawn(fails("err1")));
  block_until([&] { return group.is_cancelled(); });
  BOOST_CHECK_EXCEPTION(wait(group.join()), std::runtime_error, says("err1"));
}

BOOST_AUTO_TEST_CASE(ResultContextPool_limit) { keeps_to_limits(*this); }
BOOST_AUTO_TEST_CASE(ResultContextPool_reuse) { is_reusable(*this, {}); }

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
